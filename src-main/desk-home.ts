// Where the desk keeps its ledger, settings and the built-in service's files: one folder, the same for the app and the
// command line.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

export interface DeskHome {
  readonly dir: string
  readonly ledger: string
  readonly settings: string
  readonly serviceDir: string
  readonly machineCode: string
}

/** `LIPSYNC_HOME`, or the place where this system keeps programs' data. */
export function deskHome(env: NodeJS.ProcessEnv): DeskHome {
  const dir = resolve(env['LIPSYNC_HOME'] ?? defaultDir(env))
  return {
    dir,
    ledger: join(dir, 'ledger.db'),
    settings: join(dir, 'settings.json'),
    serviceDir: join(dir, 'service'),
    machineCode: join(dir, 'machine-code'),
  }
}

function defaultDir(env: NodeJS.ProcessEnv): string {
  switch (process.platform) {
    case 'win32':
      return join(env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming'), 'LipSync Desk')
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support', 'LipSync Desk')
    default:
      return join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'lipsync-desk')
  }
}

/** Where results go when nobody chose: a folder of their own among the person's videos. */
export function defaultOutputDir(): string {
  return join(homedir(), process.platform === 'darwin' ? 'Movies' : 'Videos', 'LipSync Desk')
}
