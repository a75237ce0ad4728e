// The command line as people and programs run it: a process of its own with a home of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../out/main/cli.js', import.meta.url))

/** One JSON line. */
export type Line = Readonly<Record<string, unknown>>

export interface CliEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly lines: readonly Line[]
}

export interface CliRun {
  readonly pid: number
  /** The first line of this state, past or to come; throws when the program ends without it. */
  readonly state: (state: string) => Promise<Line>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Promise<CliEnd>
}

/** Nothing of the tester's own environment reaches it but the way to ffmpeg. */
export function startCli(args: readonly string[], home: string, env: NodeJS.ProcessEnv = {}): CliRun {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, LIPSYNC_HOME: `${home}/desk`, LANG: 'en_US.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  const lookers = new Set<() => void>()
  const lines = (): Line[] =>
    stdout
      .slice(0, stdout.lastIndexOf('\n') + 1)
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []))
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const look of lookers) look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr, lines: lines() }))
  return {
    pid: child.pid ?? 0,
    state: (state) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = lines().find((one) => one['state'] === state)
          if (line === undefined) return
          lookers.delete(look)
          resolve(line)
        }
        lookers.add(look)
        look()
        void ended.then(() => reject(new Error(`ended without ${state}:\n${stdout}${stderr}`)))
      }),
    signal: (signal) => void child.kill(signal),
    ended,
  }
}

export const runCli = (args: readonly string[], home: string, env: NodeJS.ProcessEnv = {}): Promise<CliEnd> => startCli(args, home, env).ended
