import { describe, expect, it } from 'vitest'
import type { PowerStatus } from '../../src-shared/power-contract'
import { bootAsked, initialPower, jobNoticed, taskActive, type Act, type Demand, type Facts, type Power, type PowerTimes } from './power'
import { callFailed, decide, nextCheckMs } from './power-state'

const times: PowerTimes = {
  ...{ checkMs: 10, watchMs: 2, idleMs: 1000, startWaitMs: 300, stopWaitMs: 180, settleMs: 60 },
  ...{ retryMs: 30, longestRetryMs: 100, tries: 3 },
}
const t = 10_000

const away: Demand = { kind: 'away' }
const unanswered: Demand = { kind: 'unanswered' }
const known = (waiting: number, active = waiting > 0): Demand => ({ kind: 'known', waiting, active, hints: 0 })
const none = known(0)
const running = known(0, true)
const waiting = known(1)
const demands = { away, unanswered, none, running, waiting }

const machines = ['unknown', 'starting', 'running', 'stopping', 'stopped'] as const
const facts = (machine: PowerStatus, more: Partial<Facts> = {}): Facts => ({ machine, ready: false, busy: false, demand: none, calling: false, ...more })

/** What led to a state: check after check, from the beginning. */
const lived = (...checks: readonly [number, Facts][]): Power =>
  checks.reduce((power, [at, found]) => decide(power, found, at, times).power, initialPower(checks[0]?.[0] ?? t))

const stopped = lived([t, facts('stopped')])
const online = lived([t, facts('running', { ready: true })])
const started = decide(stopped, facts('stopped', { demand: waiting }), t, times).power
const halted = decide(online, facts('running', { ready: true }), t + times.idleMs, times).power
const haltedAt = t + times.idleMs
const failedOnce = decide(started, facts('stopped', { demand: waiting }), t + times.settleMs, times).power
const failedOnceAt = t + times.settleMs

const actsOf = (acts: readonly Act[]): string => acts.map((act) => act.type).join(' ')

describe('decide', () => {
  it.each<[name: string, before: Power, found: Facts, at: number, acts: string, status: PowerStatus]>([
    ['nothing known, machine off, nobody wants it', initialPower(t), facts('stopped'), t, '', 'stopped'],
    ['nothing known, machine on, service answers', initialPower(t), facts('running', { ready: true }), t, 'tell-booted tell-online', 'running'],
    ['nothing known, machine on, service silent', initialPower(t), facts('running'), t, 'tell-booted', 'starting'],
    ['nothing known, machine coming up', initialPower(t), facts('starting'), t, '', 'starting'],
    ['nothing known, machine going down', initialPower(t), facts('stopping'), t, '', 'stopping'],
    ['nothing known, provider silent, service answers', initialPower(t), facts('unknown', { ready: true }), t, 'tell-booted tell-online', 'running'],

    ['off, hub away', stopped, facts('stopped', { demand: away }), t + 1, '', 'stopped'],
    ['off, hub away, boot asked before', bootAsked(stopped, t), facts('stopped', { demand: away }), t + 1, '', 'stopped'],
    ['off, hub says nothing', stopped, facts('stopped', { demand: unanswered }), t + 1, '', 'stopped'],
    ['off, hub says nothing, but had a notice', jobNoticed(stopped, t), facts('stopped', { demand: unanswered }), t + 1, 'start', 'starting'],
    ['off, no tasks', stopped, facts('stopped'), t + 1, '', 'stopped'],
    ['off, tasks run elsewhere', stopped, facts('stopped', { demand: running }), t + 1, '', 'stopped'],
    ['off, a task waits', stopped, facts('stopped', { demand: waiting }), t + 1, 'start', 'starting'],
    ['off, a boot was asked for', bootAsked(stopped, t), facts('stopped'), t + 1, 'start', 'starting'],
    ['off, a notice newer than the answer', jobNoticed(stopped, t), facts('stopped'), t + 1, '', 'stopped'],
    ['off, a notice that the queue knows nothing of', jobNoticed(stopped, t), facts('stopped', { demand: { ...none, hints: 1 } as Demand }), t + 1, '', 'stopped'],
    ['off, a task waits, a call has not returned', stopped, facts('stopped', { demand: waiting, calling: true }), t + 1, '', 'stopped'],

    ['told to start, still says stopped', started, facts('stopped', { demand: waiting }), t + times.settleMs - 1, '', 'starting'],
    ['told to start, still says stopped much later', started, facts('stopped', { demand: waiting }), t + times.settleMs, 'tell-failed', 'stopped'],
    ['told to start, coming up', started, facts('starting', { demand: waiting }), t + 1, '', 'starting'],
    ['told to start, provider silent', started, facts('unknown', { demand: waiting }), t + 1, '', 'starting'],
    ['told to start, has power', started, facts('running', { demand: waiting }), t + 1, 'tell-booted', 'starting'],
    ['told to start, answers', started, facts('running', { ready: true, demand: waiting }), t + 9, 'tell-booted tell-online', 'running'],
    ['told to start, something answers though it is off', started, facts('stopped', { ready: true, demand: waiting }), t + 9, '', 'starting'],
    ['told to start, never came up', started, facts('starting', { demand: waiting }), t + times.startWaitMs, 'tell-failed', 'starting'],
    ['told to start, has power, never answers', started, facts('running', { demand: waiting }), t + times.startWaitMs, 'tell-failed', 'unknown'],
    ['told to start, hub away meanwhile', started, facts('running', { demand: away, ready: true }), t + 9, 'tell-booted tell-online', 'running'],

    ['failed once, too early for another try', failedOnce, facts('stopped', { demand: waiting }), failedOnceAt + times.retryMs - 1, '', 'stopped'],
    ['failed once, time for another try', failedOnce, facts('stopped', { demand: waiting }), failedOnceAt + times.retryMs, 'start', 'starting'],
    ['failed once, nobody wants it any more', failedOnce, facts('stopped'), failedOnceAt + times.retryMs, '', 'stopped'],

    ['on, no tasks, not for long', online, facts('running', { ready: true }), t + times.idleMs - 1, '', 'running'],
    ['on, no tasks for long', online, facts('running', { ready: true }), t + times.idleMs, 'stop', 'stopping'],
    ['on, no tasks for long, a call has not returned', online, facts('running', { ready: true, calling: true }), t + times.idleMs, '', 'running'],
    ['on, a task runs', online, facts('running', { ready: true, demand: running }), t + times.idleMs, '', 'running'],
    ['on, it has tasks that are in no queue', online, facts('running', { ready: true, busy: true }), t + times.idleMs, '', 'running'],
    ['on, a task waits', online, facts('running', { ready: true, demand: waiting }), t + times.idleMs, '', 'running'],
    ['on, hub away', online, facts('running', { ready: true, demand: away }), t + times.idleMs, '', 'running'],
    ['on, hub says nothing', online, facts('running', { ready: true, demand: unanswered }), t + times.idleMs, '', 'running'],
    ['on, a task was active a while ago', taskActive(online, t + 1), facts('running', { ready: true }), t + times.idleMs, '', 'running'],
    ['on, a boot was asked for just now', bootAsked(online, t + times.idleMs), facts('running', { ready: true }), t + times.idleMs, '', 'running'],
    ['on, no tasks for long, provider silent', online, facts('unknown', { ready: true }), t + times.idleMs, '', 'running'],
    ['on, one lost answer', online, facts('running'), t + 1, '', 'running'],
    ['on, crashed, nobody wants it', online, facts('stopped'), t + 1, '', 'stopped'],
    ['on, crashed, a task waits', online, facts('stopped', { demand: waiting }), t + 1, 'start', 'starting'],
    ['on, somebody else stops it', online, facts('stopping', { demand: waiting }), t + 1, '', 'stopping'],

    ['told to stop, still on', halted, facts('running', { ready: true }), haltedAt + 1, '', 'stopping'],
    ['told to stop, still on, a task waits', halted, facts('running', { ready: true, demand: waiting }), haltedAt + 1, '', 'stopping'],
    ['told to stop, still on much later', halted, facts('running', { ready: true }), haltedAt + times.stopWaitMs, 'tell-online', 'running'],
    ['told to stop, going down', halted, facts('stopping'), haltedAt + 1, '', 'stopping'],
    ['told to stop, going down for ever', halted, facts('stopping'), haltedAt + times.stopWaitMs, '', 'stopping'],
    ['told to stop, provider silent', halted, facts('unknown'), haltedAt + 1, '', 'stopping'],
    ['told to stop, off', halted, facts('stopped'), haltedAt + 1, '', 'stopped'],
    ['told to stop, off, a task waits', halted, facts('stopped', { demand: waiting }), haltedAt + 1, 'start', 'starting'],
    ['told to stop, off, boot asked meanwhile', bootAsked(halted, haltedAt), facts('stopped'), haltedAt + 1, 'start', 'starting'],
    ['told to stop, off, boot asked meanwhile, call not returned', bootAsked(halted, haltedAt), facts('stopped', { calling: true }), haltedAt + 1, '', 'stopped'],
    ['told to stop, somebody else starts it', halted, facts('starting'), haltedAt + times.settleMs, '', 'starting'],
  ])('%s', (_name, before, found, at, acts, status) => {
    const after = decide(before, found, at, times)
    expect([actsOf(after.acts), after.power.status]).toEqual([acts, status])
  })

  it('never starts, stops or says "running" against its rules, in whatever state it is', () => {
    const ats = [0, 1, times.settleMs, times.stopWaitMs, times.startWaitMs, times.idleMs, times.idleMs * 3]
    const states = Object.entries({ fresh: initialPower(t), stopped, online, started, halted, failedOnce })
    let seen = 0
    for (const [, base] of states)
      for (const power of [base, bootAsked(base, t), jobNoticed(base, t)])
        for (const machine of machines)
          for (const [name, demand] of Object.entries(demands))
            for (const ready of [false, true])
              for (const calling of [false, true])
                for (const passed of ats) {
                  const { acts, power: after } = decide(power, { machine, demand, ready, busy: ready && calling, calling }, t + passed, times)
                  const said = actsOf(acts)
                  seen += 1
                  if (said.includes('start')) expect([machine, calling, name === 'away']).toEqual(['stopped', false, false])
                  if (said.includes('stop')) expect([machine, calling, name]).toEqual(['running', false, 'none'])
                  if (after.status === 'running' && power.status !== 'running') expect(ready).toBe(true)
                  if (said.includes('tell-online')) expect(after).toMatchObject({ status: 'running', wanted: false, call: undefined })
                  expect(after.since).toBe(after.status === power.status ? power.since : t + passed)
                }
    expect(seen).toBe(6 * 3 * 5 * 5 * 2 * 2 * ats.length)
  })

  it('measures a wake from its own call, and none that it only found', () => {
    const own = decide(started, facts('running', { ready: true }), t + 70, times)
    const found = decide(lived([t, facts('starting')]), facts('running', { ready: true }), t + 70, times)
    expect([own, found].map(({ acts }) => acts.at(-1))).toEqual([
      { type: 'tell-online', wakeMs: 70 },
      { type: 'tell-online', wakeMs: undefined },
    ])
  })

  it('tries a bounded number of times, later and later, and again for a new demand', () => {
    let power = stopped
    const starts: number[] = []
    const failures: boolean[] = []
    const live = (from: number, until: number, demand: Demand): void => {
      for (let now = from; now < until; now += 2) {
        const decided = decide(power, facts('stopped', { demand }), now, times)
        power = decided.power
        for (const act of decided.acts) {
          if (act.type === 'start') starts.push(now)
          if (act.type === 'tell-failed') failures.push(act.failure.willRetry)
        }
      }
    }
    live(t, t + 2000, waiting)
    expect(starts.map((at) => at - t)).toEqual([0, 60 + 30, 90 + 60 + 60])
    expect(failures).toEqual([true, true, false])
    expect(power).toMatchObject({ status: 'stopped', error: { code: 'start_undone', willRetry: false } })

    live(t + 2000, t + 4000, known(2))
    expect(starts).toHaveLength(6)
    live(t + 4000, t + 4010, none)
    live(t + 4010, t + 6000, waiting)
    expect(starts).toHaveLength(9)
    power = bootAsked(power, t + 6000)
    const early = decide({ ...power, notBefore: t + 6001 }, facts('stopped', { demand: waiting }), t + 6000, times)
    expect([actsOf(early.acts), early.power.error]).toEqual(['', undefined])
    live(t + 6000, t + 8000, waiting)
    expect(starts).toHaveLength(12)
  })

  it('says once that the provider is silent, and starts when it is heard of again', () => {
    let power = stopped
    const said: string[] = []
    for (let now = t; now < t + 2000; now += 2) {
      const decided = decide(power, facts('unknown', { machineError: 'no route', demand: waiting }), now, times)
      power = decided.power
      said.push(...decided.acts.map((act) => act.type))
    }
    expect(said).toEqual(['tell-failed'])
    expect(power).toMatchObject({ status: 'unknown', error: { code: 'provider_failed', msg: 'no route', willRetry: true } })
    expect(actsOf(decide(power, facts('stopped', { demand: waiting }), t + 2000, times).acts)).toBe('start')
  })

  it('believes a silent service after three checks, and says that it is back', () => {
    let power = online
    for (const at of [1, 2]) power = decide(power, facts('running'), t + at, times).power
    expect(power.status).toBe('running')
    power = decide(power, facts('running'), t + 3, times).power
    expect(power.status).toBe('starting')
    expect(actsOf(decide(power, facts('running', { ready: true }), t + 4, times).acts)).toBe('tell-online')
  })

  it('keeps a machine whose service is silent while tasks wait, and stops it when none do', () => {
    let power = started
    const acts: string[] = []
    const live = (from: number, until: number, demand: Demand): void => {
      for (let now = from; now < until; now += 2) {
        const decided = decide(power, facts('running', { demand }), now, times)
        power = decided.power
        acts.push(...decided.acts.map((act) => act.type))
      }
    }
    live(t, t + 5000, waiting)
    expect(acts).toEqual(['tell-booted', 'tell-failed'])
    expect(power).toMatchObject({ status: 'unknown', error: { code: 'service_silent', willRetry: false } })
    live(t + 5000, t + 5000 + times.idleMs + 10, none)
    expect(acts).toEqual(['tell-booted', 'tell-failed', 'stop'])
  })

  it('takes a refused call for what it is, and waits when a call got no answer', () => {
    const refused = callFailed(started, 'start', 'no money', true, t + 5, times)
    expect(refused).toMatchObject({
      power: { call: undefined, notBefore: t + 5 + times.retryMs, error: { code: 'start_refused', msg: 'no money', willRetry: true } },
      acts: [{ type: 'tell-failed' }],
    })
    expect(callFailed(started, 'start', 'timed out', false, t + 5, times)).toEqual({ power: started, acts: [] })
    expect(callFailed(stopped, 'start', 'too late', true, t + 5, times)).toEqual({ power: stopped, acts: [] })
  })

  it('asks again to stop after a while, and forgets that it failed when the machine is off', () => {
    const refused = callFailed(halted, 'stop', 'not now', true, haltedAt, times)
    expect(refused).toMatchObject({ acts: [], power: { error: { code: 'stop_refused' } } })
    const on = facts('running', { ready: true })
    const back = decide(refused.power, on, haltedAt + 1, times)
    expect(actsOf(back.acts)).toBe('tell-online')
    const off = decide(refused.power, facts('stopped', { demand: waiting }), haltedAt + 1, times)
    expect([actsOf(off.acts), off.power.error]).toEqual(['start', undefined])
  })

  it('counts idle time from the end of the last task, and stops under no task even with no idle time', () => {
    const on = facts('running', { ready: true })
    for (const busy of [{ ...on, demand: running }, { ...on, busy: true }]) {
      const then = decide(online, busy, t + times.idleMs, times).power
      expect(actsOf(decide(then, on, t + times.idleMs * 2 - 1, times).acts)).toBe('')
      expect(actsOf(decide(then, on, t + times.idleMs * 2, times).acts)).toBe('stop')
      expect(actsOf(decide(online, busy, t, { ...times, idleMs: 0 }).acts)).toBe('')
    }
  })

  it('looks often while something is on its way', () => {
    expect([stopped, online, started, halted].map((power) => nextCheckMs(power, t, times))).toEqual([10, 10, 2, 2])
    expect(nextCheckMs(failedOnce, failedOnceAt + times.retryMs - 5, times)).toBe(5)
  })
})
