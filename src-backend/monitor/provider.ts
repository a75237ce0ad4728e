// Whoever powers the GPU machine: a port with four implementations, which pass one suite (provider.suite.ts). They do as
// they are told; when to do what is power-state.ts's business.
import type { PowerStatus } from '../../src-shared/power-contract'

export interface PowerProvider {
  /** How the machine is, now. `unknown` is an answer too: it has a word of its own for what we have none for. */
  state(signal: AbortSignal): Promise<PowerStatus>

  /** Resolves when the call was taken; the machine may take minutes after that, and may still say `stopped` for a while. */
  start(signal: AbortSignal): Promise<void>

  stop(signal: AbortSignal): Promise<void>

  /** Lets go of what it holds on this machine. */
  close?(): Promise<void>
}

/** Every call rejects with this, or with the reason of its signal. The words are fit for logs and for people. */
export class ProviderError extends Error {
  constructor(
    /** After `timeout` nobody knows whether the call was taken; after the others it was not. */
    readonly kind: 'refused' | 'unreachable' | 'bad_reply' | 'timeout',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

export interface CallLimits {
  readonly stateMs: number
  readonly startMs: number
  readonly stopMs: number
}

/** Ends the work when its time is up, as a `timeout`. The work must heed its signal. */
export async function limited<T>(limitMs: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const stop = new AbortController()
  const abort = (): void => {
    stop.abort(signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => {
    stop.abort(new ProviderError('timeout', `no answer in ${String(limitMs / 1000)} s`))
  }, limitMs)
  try {
    return await work(stop.signal)
  } catch (error) {
    // Whatever the abort made the work say: the reason for it is what happened.
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** Words of others, for an error: short, on one line, and without what must not be said. */
export function quoted(text: string, secrets: readonly string[] = []): string {
  let safe = text
  for (const secret of secrets) if (secret !== '') safe = safe.replaceAll(secret, '•••')
  return safe.replace(/\s+/g, ' ').trim().slice(0, 200)
}
