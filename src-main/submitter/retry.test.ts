import { describe, expect, it } from 'vitest'
import { DeskError } from '../../src-shared/errors'
import { delayBefore, pause, retrying, stepBackoff, stopIfAsked, Stopped } from './retry'
import { failureOf, never, stopOf } from './testing/failure-of'
import { noWaiting } from './testing/sample-jobs'

const passing = () => new DeskError('server_unreachable')
const lasting = () => new DeskError('secret_wrong')

/** Fails with these, one after the other, then succeeds. */
const failing = (...failures: readonly unknown[]) => {
  const left = [...failures]
  const work = async (): Promise<string> => {
    work.calls++
    if (left.length > 0) throw left.shift()
    return 'done'
  }
  work.calls = 0
  return work
}

describe('delayBefore', () => {
  it('doubles with each try, up to the longest', () => {
    const backoff = { tries: 9, firstDelayMs: 500, maxDelayMs: 3_000 }
    expect([2, 3, 4, 5, 6].map((next) => delayBefore(next, backoff, () => 1))).toEqual([500, 1_000, 2_000, 3_000, 3_000])
  })

  it('leaves the half of it to chance, so that many clients do not come at once', () => {
    const backoff = { tries: 9, firstDelayMs: 500, maxDelayMs: 3_000 }
    expect([0, 0.5, 1].map((random) => delayBefore(3, backoff, () => random))).toEqual([500, 750, 1_000])
  })

  it('gives a step no longer than half a minute', () => {
    const delays = Array.from({ length: stepBackoff.tries - 1 }, (_, index) => delayBefore(index + 2, stepBackoff, () => 1))
    expect(delays.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(30_000)
  })
})

describe('retrying', () => {
  it('does what succeeds once', async () => {
    const work = failing()
    expect(await retrying(work, never, noWaiting(5))).toBe('done')
    expect(work.calls).toBe(1)
  })

  it('goes on after failures that may pass, telling of each', async () => {
    const work = failing(passing(), passing())
    const told: unknown[] = []
    expect(await retrying(work, never, noWaiting(3), (error, next) => told.push([error.code, next]))).toBe('done')
    expect(told).toEqual([['server_unreachable', 2], ['server_unreachable', 3]])
  })

  it('ends with the last failure when its tries are used up', async () => {
    const last = new DeskError('server_busy')
    const work = failing(passing(), passing(), last)
    expect(await failureOf(retrying(work, never, noWaiting(3)))).toBe(last)
    expect(work.calls).toBe(3)
  })

  it('does not go on after a failure that lasts', async () => {
    const work = failing(passing(), lasting())
    expect((await failureOf(retrying(work, never, noWaiting(9)))).code).toBe('secret_wrong')
    expect(work.calls).toBe(2)
  })

  it('calls a fault of ours one, and does not repeat it', async () => {
    const fault = new TypeError('of undefined')
    const work = failing(fault)
    expect(await failureOf(retrying(work, never, noWaiting(9)))).toMatchObject({ code: 'internal', cause: fault })
    expect(work.calls).toBe(1)
  })

  it('ends as soon as it is asked to: before, within, or between two tries', async () => {
    const never1 = failing()
    await stopOf(retrying(never1, AbortSignal.abort(), noWaiting(9)))
    expect(never1.calls).toBe(0)

    const within = new AbortController()
    await stopOf(
      retrying(
        async () => {
          within.abort()
          throw passing()
        },
        within.signal,
        noWaiting(9),
      ),
    )

    const between = new AbortController()
    const work = failing(passing())
    await stopOf(retrying(work, between.signal, { tries: 9, firstDelayMs: 3_600_000, maxDelayMs: 3_600_000 }, () => setImmediate(() => between.abort())))
    expect(work.calls).toBe(1)
  })

  it('takes a stop within for a stop', async () => {
    await stopOf(retrying(failing(new Stopped()), never, noWaiting(9)))
  })
})

describe('pause', () => {
  it('ends by itself, or when it is asked to', async () => {
    await pause(0, never)
    await stopOf(pause(3_600_000, AbortSignal.abort()))
    const stopping = new AbortController()
    const stopped = stopOf(pause(3_600_000, stopping.signal))
    stopping.abort()
    await stopped
  })
})

describe('stopIfAsked', () => {
  it('throws only when asked', () => {
    stopIfAsked(never)
    expect(() => stopIfAsked(AbortSignal.abort())).toThrow(Stopped)
  })
})
