// The command line's program in plain Node: builds and connects. The packaged app runs the same commands (main.ts), where
// secrets that the system's key store encrypted can be read too.
import { readFileSync } from 'node:fs'
import type { Language } from '../src-shared/words/errors'
import { secretNames, type SecretName } from '../src-shared/settings'
import { runCli } from './cli/run-cli'
import { defaultOutputDir, deskHome } from './desk-home'
import { defaultSecret, readEnvironment } from './environment'
import { launchChild } from './launch-child'
import { createLocalService } from './local-service'
import { openSecret, readSettingsFile } from './settings-file'

const env = process.env
const home = deskHome(env)
const given = readEnvironment(env, [process.cwd(), home.dir])
const { settings, secrets } = readSettingsFile(home.settings)

const noKeyStore = (): never => {
  throw new Error('no key store in a plain Node program')
}
const stored = Object.fromEntries(secretNames.map((name) => [name, openSecret(secrets[name], noKeyStore)])) as Record<SecretName, ReturnType<typeof openSecret>>
const secretOf = (name: SecretName): string => given.explicit[name] || stored[name].value || defaultSecret(given, name)

function language(): Language {
  if (settings.language !== 'auto') return settings.language
  const locale = env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || Intl.DateTimeFormat().resolvedOptions().locale
  return /^zh/i.test(locale) ? 'zh-CN' : 'en'
}

const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

process.exitCode = await runCli({
  args: process.argv.slice(2),
  env,
  home,
  language: language(),
  version: packageJson.version,
  serverChoice: {
    apiUrl: settings.apiUrl || given.defaults.apiUrl,
    gpuUrl: settings.gpuUrl || given.defaults.gpuUrl,
    licenseKey: secretOf('licenseKey'),
    apiSecret: secretOf('apiSecret'),
    gpuSecret: secretOf('gpuSecret'),
    secretUnreadable: secretNames.some((name) => stored[name].state === 'unreadable' && secretOf(name) === ''),
  },
  outputDir: settings.outputDir || defaultOutputDir(),
  localService: createLocalService(home.serviceDir, launchChild(new URL('./backend.js', import.meta.url)), env),
  hashWorkerUrl: new URL('./hash-worker.js', import.meta.url),
  stdout: process.stdout,
  stderr: process.stderr,
  onInterrupt: (listener) => {
    process.on('SIGINT', listener)
    process.on('SIGTERM', listener)
  },
})
