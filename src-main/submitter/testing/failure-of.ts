// What a piece of work fails with, taken at once: a failure that comes while the test still talks to the server is not
// called unhandled.
import { DeskError } from '../../../src-shared/errors'

/** The typed error; throws when the work succeeds or fails with anything else. */
export async function failureOf(work: Promise<unknown>): Promise<DeskError> {
  let value: unknown
  try {
    value = await work
  } catch (thrown) {
    if (thrown instanceof DeskError) return thrown
    throw thrown
  }
  throw new Error(`succeeded with ${JSON.stringify(value)}`)
}

export const never = new AbortController().signal
