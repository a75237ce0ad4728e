// Settings and secrets in electron-store. A secret is sealed by the system's key store where there is one; where there
// is none it lies in a file that only this user can read, and the window says so.
import { app, safeStorage } from 'electron'
import Store from 'electron-store'
import { DeskError } from '../src-shared/errors'
import { parseServerAddress, secretNames, type SecretName, type SecretProtection, type SecretState, type Settings, type SettingsPatch, type SettingsView } from '../src-shared/settings'
import { usesBuiltInService, type ServerChoice } from './desk'
import { defaultOutputDir, type DeskHome } from './desk-home'
import { defaultSecret, type Given } from './environment'
import { openSecret, parseStoredSettings, type StoredSecret, type StoredSettings } from './settings-file'

export interface SettingsStore {
  readonly serverChoice: () => ServerChoice
  readonly outputDir: () => string
  readonly view: () => SettingsView
  /** Throws address_malformed; then nothing is changed. */
  readonly save: (patch: SettingsPatch) => void
  readonly saveOutputDir: (dir: string) => void
  readonly saveSecret: (name: SecretName, value: string | null) => void
}

export function openSettingsStore(home: DeskHome, given: Given): SettingsStore {
  // A file that is no JSON any more is emptied by conf; its parts are parsed one by one in settings-file.ts.
  const file = new Store({ cwd: home.dir, name: 'settings', configFileMode: 0o600, clearInvalidConfig: true })
  let stored: StoredSettings = parseStoredSettings(file.store)

  const write = (next: StoredSettings): void => {
    file.store = { settings: next.settings, secrets: next.secrets }
    stored = next
  }
  // On Linux without a keyring Chromium "encrypts" with a key that everybody knows: no protection, and not called one.
  const protection = (): SecretProtection =>
    safeStorage.isEncryptionAvailable() && (process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text') ? 'keyring' : 'file'
  const seal = (value: string): StoredSecret =>
    protection() === 'keyring' ? { sealed: safeStorage.encryptString(value).toString('base64') } : { plain: value }
  const open = (name: SecretName): { readonly value: string; readonly state: SecretState } => {
    const own = openSecret(stored.secrets[name], (sealed) => safeStorage.decryptString(Buffer.from(sealed, 'base64')))
    if (own.state !== 'none') return own
    const value = given.explicit[name] || defaultSecret(given, name)
    return { value, state: value === '' ? 'none' : 'environment' }
  }

  const serverChoice = (): ServerChoice => {
    const opened = Object.fromEntries(secretNames.map((name) => [name, open(name)])) as Record<SecretName, ReturnType<typeof open>>
    return {
      apiUrl: stored.settings.apiUrl || given.defaults.apiUrl,
      gpuUrl: stored.settings.gpuUrl || given.defaults.gpuUrl,
      licenseKey: opened.licenseKey.value,
      apiSecret: opened.apiSecret.value,
      gpuSecret: opened.gpuSecret.value,
      secretUnreadable: secretNames.some((name) => opened[name].state === 'unreadable'),
    }
  }
  const outputDir = (): string => stored.settings.outputDir || defaultOutputDir()

  return {
    serverChoice,
    outputDir,
    view: () => ({
      apiUrl: stored.settings.apiUrl,
      gpuUrl: stored.settings.gpuUrl,
      environmentApiUrl: given.defaults.apiUrl,
      environmentGpuUrl: given.defaults.gpuUrl,
      outputDirShown: outputDir(),
      outputDirIsDefault: stored.settings.outputDir === '',
      language: stored.settings.language,
      resolvedLanguage: resolveLanguage(stored.settings.language),
      theme: stored.settings.theme,
      secrets: Object.fromEntries(secretNames.map((name) => [name, open(name).state])) as Record<SecretName, SecretState>,
      secretProtection: protection(),
      usesBuiltInService: usesBuiltInService(serverChoice()),
    }),
    save: (patch) => {
      const clean: Partial<Settings> = {}
      if (patch.language !== undefined) clean.language = patch.language
      if (patch.theme !== undefined) clean.theme = patch.theme
      if (patch.apiUrl !== undefined) clean.apiUrl = cleanAddress('api', patch.apiUrl)
      if (patch.gpuUrl !== undefined) clean.gpuUrl = cleanAddress('gpu', patch.gpuUrl)
      write({ ...stored, settings: { ...stored.settings, ...clean } })
    },
    saveOutputDir: (dir) => write({ ...stored, settings: { ...stored.settings, outputDir: dir } }),
    saveSecret: (name, value) => {
      const { [name]: _forgotten, ...others } = stored.secrets
      write({ ...stored, secrets: value === null ? others : { ...others, [name]: seal(value) } })
    },
  }
}

function cleanAddress(server: 'api' | 'gpu', typed: string): string {
  if (typed.trim() === '') return ''
  const address = parseServerAddress(typed)
  if (address === null) throw new DeskError('address_malformed', { server, address: typed })
  return address
}

function resolveLanguage(language: Settings['language']): 'zh-CN' | 'en' {
  if (language !== 'auto') return language
  const preferred = app.getPreferredSystemLanguages()[0] ?? app.getLocale()
  return /^zh/i.test(preferred) ? 'zh-CN' : 'en'
}
