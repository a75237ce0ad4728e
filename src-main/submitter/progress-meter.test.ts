import { describe, expect, it } from 'vitest'
import type { Progress } from '../../src-shared/job'
import { createProgressMeter, createReportGate } from './progress-meter'

/** A clock that the test turns. */
const createClock = () => {
  const clock = { ms: 0, now: () => clock.ms }
  return clock
}

describe('createProgressMeter', () => {
  it('says nothing of speed before it has seen enough', () => {
    const clock = createClock()
    const meter = createProgressMeter('bytes', 1_000, clock.now)
    expect(meter(0)).toEqual({ unit: 'bytes', done: 0, total: 1_000, perSecond: null, secondsLeft: null, estimated: false })
    clock.ms = 399
    expect(meter(100).perSecond).toBeNull()
    clock.ms = 400
    expect(meter(200)).toMatchObject({ perSecond: 500, secondsLeft: 1.6 })
  })

  it('counts the speed over the last seconds, not from the start', () => {
    const clock = createClock()
    const meter = createProgressMeter('bytes', 1_000_000, clock.now)
    for (clock.ms = 0; clock.ms <= 20_000; clock.ms += 1_000) meter(clock.ms * 10)
    for (; clock.ms <= 26_000; clock.ms += 1_000) meter(200_000 + (clock.ms - 20_000) * 2)
    clock.ms -= 1_000
    expect(meter(200_000 + 12_000).perSecond).toBe(2_000)
  })

  it('has no time left to tell while nothing moves', () => {
    const clock = createClock()
    const meter = createProgressMeter('frames', 100, clock.now)
    for (clock.ms = 0; clock.ms < 10_000; clock.ms += 500) meter(7)
    expect(meter(7)).toMatchObject({ done: 7, perSecond: 0, secondsLeft: null })
  })

  it('never shows more than all, nor less than no time', () => {
    const clock = createClock()
    const meter = createProgressMeter('bytes', 100, clock.now)
    meter(0)
    clock.ms = 1_000
    expect(meter(120)).toMatchObject({ done: 100, total: 100, secondsLeft: 0 })
  })
})

describe('createReportGate', () => {
  const at = (done: number): Progress => ({ unit: 'bytes', done, total: 100, perSecond: null, secondsLeft: null, estimated: false })

  it('lets through the first, one in each interval, and the last', () => {
    const clock = createClock()
    const gate = createReportGate(100, clock.now)
    const through: number[] = []
    for (const [ms, done] of [[0, 0], [10, 1], [99, 2], [100, 3], [150, 4], [250, 5], [251, 100]] as const) {
      clock.ms = ms
      if (gate(at(done))) through.push(done)
    }
    expect(through).toEqual([0, 3, 5, 100])
  })
})
