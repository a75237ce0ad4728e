// The gpu role of this same program, on this machine, as a child that ends with us. Its state is what is seen of it:
// nobody else starts or stops it.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { PowerStatus } from '../../src-shared/power-contract'
import { limited, ProviderError, quoted, type CallLimits, type PowerProvider } from './provider'

export interface ProcessProviderConfig {
  /** A program that says it is ready in its first line, and ends when its stdin does. */
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** What the child says on stderr is ours to pass on. */
  readonly onSaid: (text: string) => void
  /** After the polite request, before it is killed. */
  readonly killAfterMs: number
}

interface Running {
  readonly child: ChildProcess
  state: PowerStatus
  readonly ready: Promise<void>
  readonly exited: Promise<void>
}

export class ProcessProvider implements PowerProvider {
  private running: Running | undefined

  constructor(
    private readonly config: ProcessProviderConfig,
    private readonly limits: CallLimits,
  ) {}

  state(): Promise<PowerStatus> {
    return Promise.resolve(this.running?.state ?? 'stopped')
  }

  /** Resolves when the child is ready. One that is not in time is ended: then it is certain that there is none. */
  async start(signal: AbortSignal): Promise<void> {
    if (this.running?.state === 'stopping') throw new ProviderError('refused', 'the GPU service is still stopping')
    const running = (this.running ??= this.launch())
    try {
      await limited(this.limits.startMs, signal, (within) => untilAborted(running.ready, within))
    } catch (error) {
      if (running.state === 'starting') running.child.kill('SIGKILL')
      if (!(error instanceof ProviderError) || error.kind !== 'timeout') throw error
      throw new ProviderError('refused', 'the GPU service did not get ready in time')
    }
  }

  /** Resolves when it has ended. */
  async stop(signal: AbortSignal): Promise<void> {
    const { running } = this
    if (!running) return
    running.state = 'stopping'
    // The end of its stdin is the request that every system knows; a signal besides wakes what does not read.
    running.child.stdin?.end()
    if (process.platform !== 'win32') running.child.kill('SIGTERM')
    const kill = setTimeout(() => running.child.kill('SIGKILL'), this.config.killAfterMs)
    try {
      await limited(this.limits.stopMs, signal, (within) => untilAborted(running.exited, within))
    } finally {
      if (this.running !== running) clearTimeout(kill)
    }
  }

  async close(): Promise<void> {
    await this.stop(new AbortController().signal)
  }

  private launch(): Running {
    const [program = '', ...args] = this.config.command
    const child = spawn(program, args, { env: this.config.env, windowsHide: true, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    child.stdin.on('error', () => undefined)
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
      this.config.onSaid(text)
    })
    const exited = new Promise<void>((resolve) => {
      const gone = (): void => {
        if (this.running === running) this.running = undefined
        running.state = 'stopped'
        resolve()
      }
      child.once('exit', gone)
      child.once('error', (error: NodeJS.ErrnoException) => {
        said += `cannot run the GPU service: ${error.code ?? error.name}`
        if (child.pid === undefined) gone()
      })
    })
    const firstLine = new Promise<'ready'>((resolve) => {
      createInterface({ input: child.stdout }).once('line', () => {
        resolve('ready')
      })
    })
    const ready = Promise.race([firstLine, exited]).then((outcome) => {
      if (outcome === 'ready' && running.state === 'starting') running.state = 'running'
      if (running.state === 'running') return
      const last = quoted(said.trim().split('\n').at(-1) ?? '')
      throw new ProviderError('refused', `the GPU service ended while it was starting: ${last || 'it said nothing'}`)
    })
    ready.catch(() => undefined)
    const running: Running = { child, state: 'starting', ready, exited }
    return running
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort)
    })
  })
}
