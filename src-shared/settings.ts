// What a person sets in the app, and what the renderer may know of the secrets: only whether they are there.
import { z } from 'zod'

export const languages = ['auto', 'zh-CN', 'en'] as const
export const themes = ['system', 'light', 'dark'] as const

/** Empty addresses mean the built-in local service; an empty output folder means the system's videos folder. */
export const settingsSchema = z.object({
  apiUrl: z.string().max(2048).default(''),
  gpuUrl: z.string().max(2048).default(''),
  outputDir: z.string().max(4096).default(''),
  language: z.enum(languages).default('auto'),
  theme: z.enum(themes).default('system'),
})
export type Settings = z.infer<typeof settingsSchema>

export const settingsPatchSchema = settingsSchema.omit({ outputDir: true }).partial()
export type SettingsPatch = z.input<typeof settingsPatchSchema>

export const secretNames = ['licenseKey', 'apiSecret', 'gpuSecret'] as const
export const secretNameSchema = z.enum(secretNames)
export type SecretName = z.infer<typeof secretNameSchema>

/** Where a value comes from; `unreadable`: stored encrypted, and this system's key store does not open it. */
export type SecretState = 'none' | 'app' | 'environment' | 'unreadable'

/** How secrets lie on disk: encrypted by the system's key store, or in a file only this user can read. */
export type SecretProtection = 'keyring' | 'file'

/** Settings as the renderer sees them: no secret, and the folder only as text to show. */
export interface SettingsView {
  readonly apiUrl: string
  readonly gpuUrl: string
  /** Addresses that the environment or a .env file gives where the app has none; '' when it gives none. */
  readonly environmentApiUrl: string
  readonly environmentGpuUrl: string
  readonly outputDirShown: string
  readonly outputDirIsDefault: boolean
  readonly language: Settings['language']
  /** What `language: 'auto'` came to. */
  readonly resolvedLanguage: 'zh-CN' | 'en'
  readonly theme: Settings['theme']
  readonly secrets: Readonly<Record<SecretName, SecretState>>
  readonly secretProtection: SecretProtection
  /** No address is set anywhere: the local service of this app is used. */
  readonly usesBuiltInService: boolean
}

/**
 * An address a person typed, made whole: scheme added (http for this machine and private addresses, https else), path
 * and trailing slash kept out. Null when it is no http(s) address or carries a user name or password.
 */
export function parseServerAddress(text: string): string | null {
  const trimmed = text.trim()
  if (trimmed === '' || /\s/.test(trimmed)) return null
  const match = /^(?:(https?):\/\/)?(\[[0-9a-f:.]+\]|[^/?#:@[\]]+)(?::(\d{1,5}))?(\/[^?#]*)?$/i.exec(trimmed)
  if (!match) return null
  const [, scheme, host = '', port, path = ''] = match
  if (!/^(\[[0-9a-f:.]+\]|[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?)$/iu.test(host)) return null
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return null
  const local = /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[)/i.test(host)
  const chosen = scheme?.toLowerCase() ?? (local ? 'http' : 'https')
  return `${chosen}://${host.toLowerCase()}${port === undefined ? '' : `:${port}`}${path.replace(/\/+$/, '')}`
}
