// The operator's own programs power the machine: one to start it, one to stop it, and one that prints how it is, in one
// of the five words, on its last line. Argument lists, no shell; a program that takes too long is ended with all it began.
import { spawn } from 'node:child_process'
import { powerStatusSchema, type PowerStatus } from '../../src-shared/power-contract'
import { limited, ProviderError, quoted, type CallLimits, type PowerProvider } from './provider'

export interface CommandProviderConfig {
  readonly start: readonly string[]
  readonly stop: readonly string[]
  readonly state: readonly string[]
  /** What the programs may see of our environment. */
  readonly env: NodeJS.ProcessEnv
}

/** The end of what a program says is kept: the state is the last line, and reasons come last. */
const keptBytes = 16 * 1024

export class CommandProvider implements PowerProvider {
  constructor(
    private readonly config: CommandProviderConfig,
    private readonly limits: CallLimits,
  ) {}

  async state(signal: AbortSignal): Promise<PowerStatus> {
    const said = await this.run('state', this.limits.stateMs, signal)
    const word = powerStatusSchema.safeParse(said.trim().split('\n').at(-1)?.trim().toLowerCase())
    if (!word.success) throw new ProviderError('bad_reply', 'the state command printed none of the known words')
    return word.data
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.run('start', this.limits.startMs, signal)
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.run('stop', this.limits.stopMs, signal)
  }

  private run(which: 'start' | 'stop' | 'state', limitMs: number, signal: AbortSignal): Promise<string> {
    const [program = '', ...args] = this.config[which]
    return limited(limitMs, signal, (within) => runCommand(which, program, args, this.config.env, within))
  }
}

function runCommand(which: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it began ends with it.
    const grouped = process.platform !== 'win32'
    const child = spawn(program, args, { env, detached: grouped, windowsHide: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out = (out + text).slice(-keptBytes)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-keptBytes)))
    const end = (): void => {
      if (child.pid === undefined) return
      try {
        if (grouped) process.kill(-child.pid, 'SIGKILL')
        else child.kill()
      } catch {
        // Gone already.
      }
    }
    signal.addEventListener('abort', end, { once: true })
    child.once('error', (error: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', end)
      reject(new ProviderError('unreachable', `the ${which} command cannot be run: ${error.code ?? error.name}`))
    })
    // Its own end counts: what it left running in the background may hold its output open for long.
    child.once('exit', (code, killed) => {
      signal.removeEventListener('abort', end)
      setImmediate(() => {
        if (code === 0) resolve(out)
        else reject(new ProviderError('refused', `the ${which} command ended with ${String(code ?? killed)}: ${lastLine(err)}`))
      })
    })
  })
}

function lastLine(text: string): string {
  return quoted(text.trim().split('\n').at(-1) ?? '') || 'it said nothing'
}
