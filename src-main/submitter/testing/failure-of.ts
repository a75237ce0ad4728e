// What a piece of work ends with, taken at once: an end that comes while the test still talks to the server is not called
// unhandled.
import { DeskError } from '../../../src-shared/errors'
import { Stopped } from '../retry'

/** The typed error; throws when the work succeeds or fails with anything else. */
export const failureOf = (work: Promise<unknown>): Promise<DeskError> => handled(expectThrown(work, DeskError))

/** Throws unless the work ends because it was told to. */
export const stopOf = (work: Promise<unknown>): Promise<Stopped> => handled(expectThrown(work, Stopped))

async function expectThrown<E>(work: Promise<unknown>, type: new (...args: never[]) => E): Promise<E> {
  let value: unknown
  try {
    value = await work
  } catch (thrown) {
    if (thrown instanceof type) return thrown
    throw thrown
  }
  throw new Error(`succeeded with ${JSON.stringify(value)}`)
}

function handled<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}

/** A signal that never asks to stop. */
export const never = new AbortController().signal

/** Resolves once the condition holds; for what nobody announces. A test that waits in vain ends by its own limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
