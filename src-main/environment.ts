// What the environment and a .env file say, under the names installations already use and our own. Our own names are
// explicit for one run; the older ones are defaults below what the app has.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import type { SecretName } from '../src-shared/settings'

export interface Given {
  /** Under our own names: for this run. */
  readonly explicit: Readonly<Record<SecretName, string>>
  /** Under the names of existing installations: where nothing else is set. */
  readonly defaults: Readonly<{ apiUrl: string; gpuUrl: string; secret: string }>
}

/** `.env` files are read in the given order, the first wins; a variable of the process wins over all of them. */
export function readEnvironment(env: NodeJS.ProcessEnv, dotenvDirs: readonly string[]): Given {
  const given: NodeJS.ProcessEnv = {}
  for (const dir of [...dotenvDirs].reverse()) Object.assign(given, readDotenv(dir))
  Object.assign(given, env)
  const value = (name: string): string => given[name]?.trim() ?? ''
  return {
    explicit: {
      licenseKey: value('LIPSYNC_LICENSE_KEY'),
      apiSecret: value('LIPSYNC_API_SECRET'),
      gpuSecret: value('LIPSYNC_GPU_SECRET'),
    },
    defaults: { apiUrl: value('API_SERVER_URL'), gpuUrl: value('HEYGEM_SERVER_URL'), secret: value('HEYGEM_API_SECRET') },
  }
}

/** What stands for a secret where neither our own names nor the settings have it: one secret for both servers. */
export const defaultSecret = (given: Given, name: SecretName): string => (name === 'licenseKey' ? '' : given.defaults.secret)

function readDotenv(dir: string): NodeJS.ProcessEnv {
  try {
    return parseEnv(readFileSync(join(dir, '.env'), 'utf8'))
  } catch {
    return {}
  }
}
