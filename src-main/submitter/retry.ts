// The one backoff. Whether an error may be tried again is the error's own (errors.ts); when, and how often, is here.
import { setTimeout as sleep } from 'node:timers/promises'
import { toDeskError, type DeskError } from '../../src-shared/errors'

export interface Backoff {
  /** Tries in all, the first included. */
  readonly tries: number
  readonly firstDelayMs: number
  readonly maxDelayMs: number
}

/** About 25 seconds in all: long enough for a router's restart to be noticed, short enough for a person to be told. */
export const stepBackoff: Backoff = { tries: 6, firstDelayMs: 500, maxDelayMs: 8_000 }

/** The delay before try number `next` (2, 3, …): doubled each time, with half of it jittered. */
export function delayBefore(next: number, backoff: Backoff, random: () => number = Math.random): number {
  const full = Math.min(backoff.maxDelayMs, backoff.firstDelayMs * 2 ** (next - 2))
  return full / 2 + (full / 2) * random()
}

/** Thrown where a signal stops a step: an outcome, not an error. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

export const stopIfAsked = (signal: AbortSignal): void => {
  if (signal.aborted) throw new Stopped()
}

/** Waits; ends with Stopped as soon as the signal says so. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    throw new Stopped()
  }
}

/** Runs `work` until it succeeds, fails for good, or the tries are used up; the last error is thrown. */
export async function retrying<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  backoff: Backoff = stepBackoff,
  onRetry: (error: DeskError, nextTry: number) => void = () => undefined,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    stopIfAsked(signal)
    try {
      return await work()
    } catch (thrown) {
      if (signal.aborted || thrown instanceof Stopped) throw new Stopped()
      const error = toDeskError(thrown)
      if (!error.transient || attempt >= backoff.tries) throw error
      onRetry(error, attempt + 1)
      await pause(delayBefore(attempt + 1, backoff), signal)
    }
  }
}
