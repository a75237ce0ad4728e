// When the GPU machine is started and stopped, and what is told of it. Pure: monitor.ts gathers the facts and carries out
// what is decided here.
import type { PowerErrorCode, PowerStatus } from '../../src-shared/power-contract'
import { taskActive, wants, type Act, type Call, type Decision, type Demand, type Facts, type Power, type PowerTimes } from './power'

/** Checks in a row that must find the machine or its service silent before that is believed: one lost reply is nothing. */
const silencesToBelieve = 3

/** Our call was refused. When that is not certain (no answer in time), the machine itself will show what came of it. */
export function callFailed(power: Power, kind: Call['kind'], msg: string, certain: boolean, now: number, times: PowerTimes): Decision {
  if (power.call?.kind !== kind || power.call.adopted || !certain) return { power, acts: [] }
  if (kind === 'start') return failStart(power, 'start_refused', msg, now, times)
  return { power: failStop(power, 'stop_refused', msg, now, times), acts: [] }
}

export function nextCheckMs(power: Power, now: number, times: PowerTimes): number {
  if (power.call || power.silences > 0 || power.status === 'stopping') return Math.min(times.watchMs, times.checkMs)
  return wants(power) && power.notBefore > now ? Math.min(power.notBefore - now, times.checkMs) : times.checkMs
}

/**
 * One check. Whoever cannot reach the hub starts nothing: the task may have been taken back, nobody could be told how
 * it goes, and no task can reach the machine before the hub is back, which is when demand is asked for again. And it
 * stops nothing, since there may be work. Tasks that only run keep the machine awake; only waiting ones start it.
 */
export function decide(before: Power, facts: Facts, now: number, times: PowerTimes): Decision {
  const power = withDemand(facts.busy ? taskActive(before, now) : before, facts.demand, now)
  if (power.call?.kind === 'start') return followStart(power, power.call, facts, now, times)
  if (power.call?.kind === 'stop') return followStop(power, power.call, facts, now, times)
  return look(power, facts, now, times)
}

function withDemand(power: Power, demand: Demand, now: number): Power {
  // What cannot be asked counts as demand for a machine that is on; what waited before the line broke is asked for again.
  if (demand.kind !== 'known') return { ...power, idleSince: now, waiting: demand.kind === 'away' ? 0 : power.waiting }
  const next = {
    ...power,
    hintsSettled: Math.max(power.hintsSettled, demand.hints),
    waiting: demand.waiting,
    givenUp: Math.min(power.givenUp, demand.waiting),
    idleSince: demand.active || demand.waiting > 0 ? now : power.idleSince,
  }
  // The demand has gone: the next one has all its tries.
  return wants(next) || next.givenUp > 0 ? next : { ...next, tries: 0 }
}

/** Nothing of ours is under way. */
function look(power: Power, facts: Facts, now: number, times: PowerTimes): Decision {
  switch (facts.machine) {
    case 'stopped':
      return lookStopped({ ...withStatus(isOff(heard(power), now), 'stopped', now), bootedTold: false }, facts, now, times)
    case 'stopping':
      return quiet(withStatus(heard(power), 'stopping', now))
    case 'starting':
      // Once it took too long it is watched without a limit: whoever waits was told.
      if (power.error?.code === 'start_timeout') return quiet(withStatus(power, 'starting', now))
      return followStart(adopted(power, now), adoptedCall(now), facts, now, times)
    case 'running':
      if (facts.ready) return lookRunning(power, facts, now, times)
      if (power.status === 'running' && power.silences + 1 < silencesToBelieve) return quiet({ ...power, silences: power.silences + 1 })
      if (power.error?.code === 'service_silent') return stopIfIdle(withStatus(power, 'unknown', now), facts, now, times)
      return followStart(adopted(power, now), adoptedCall(now), facts, now, times)
    case 'unknown':
      return lookUnknown(power, facts, now)
  }
}

function lookStopped(power: Power, facts: Facts, now: number, times: PowerTimes): Decision {
  // A notice that is newer than the queue's answer: it is asked again at once, so nobody waits for that.
  const hinted = facts.demand.kind === 'known' && !power.wanted && power.waiting <= power.givenUp
  const mayStart = wants(power) && !hinted && facts.demand.kind !== 'away' && now >= power.notBefore && !facts.calling
  // Nothing is wanted any more after a machine was given up: this is a new demand, and has failed at nothing yet.
  if (!mayStart) return quiet(wants(power) && power.error?.willRetry === false ? { ...power, error: undefined } : power)
  const call: Call = { kind: 'start', at: now, adopted: false, seen: false }
  // All tries used up, and still wanted: that is a new demand.
  const tries = power.tries >= times.tries ? 0 : power.tries
  return { power: { ...withStatus(power, 'starting', now), call, tries, error: undefined }, acts: [{ type: 'start' }] }
}

function lookRunning(power: Power, facts: Facts, now: number, times: PowerTimes): Decision {
  if (power.status !== 'running') return becomeOnline(power, undefined, now)
  return stopIfIdle(satisfied(heard(power)), facts, now, times)
}

function stopIfIdle(power: Power, facts: Facts, now: number, times: PowerTimes): Decision {
  const idle = facts.demand.kind === 'known' && !facts.demand.active && !facts.busy && !wants(power) && now - power.idleSince >= times.idleMs
  if (!idle || facts.calling || now < power.notBefore) return quiet(power)
  const call: Call = { kind: 'stop', at: now, adopted: false, seen: false }
  return { power: { ...withStatus(power, 'stopping', now), call, error: undefined }, acts: [{ type: 'stop' }] }
}

function lookUnknown(power: Power, facts: Facts, now: number): Decision {
  const silences = power.silences + 1
  if (facts.ready) {
    // The service answers: so it is on, whoever cannot be asked.
    return power.status === 'running' ? quiet({ ...satisfied(power), silences }) : becomeOnline({ ...power, silences }, undefined, now)
  }
  if (silences < silencesToBelieve) return quiet({ ...power, silences })
  const next = { ...withStatus(power, 'unknown', now), silences }
  // Told once for each demand. It counts as no try: nothing was called, and the machine is started when it is heard of.
  const wanted = wants(next)
  if (next.error?.code === 'provider_failed' && (next.error.willRetry || !wanted)) return quiet(next)
  const msg = facts.machineError ?? 'the provider does not know how the machine is'
  const failure = { code: 'provider_failed', msg, willRetry: wanted } as const
  return { power: { ...next, error: failure }, acts: wanted ? [{ type: 'tell-failed', failure }] : [] }
}

function followStart(power: Power, call: Call, facts: Facts, now: number, times: PowerTimes): Decision {
  const onItsWay = withStatus({ ...power, call: { ...call, seen: call.seen || !['stopped', 'unknown'].includes(facts.machine) } }, 'starting', now)
  if (facts.ready && (facts.machine === 'running' || facts.machine === 'unknown')) {
    return becomeOnline(onItsWay, call.adopted ? undefined : now - call.at, now)
  }
  if (facts.machine === 'stopped' && call.adopted && !wants(power)) return look({ ...onItsWay, call: undefined }, facts, now, times)
  if (facts.machine === 'stopped' && (call.seen || now - call.at >= times.settleMs)) {
    const msg = call.seen ? 'the machine went off again while it was starting' : 'the machine stayed off after the call to start it'
    return failStart(withStatus(onItsWay, 'stopped', now), 'start_undone', msg, now, times)
  }
  if (now - call.at >= times.startWaitMs) {
    if (facts.machine !== 'running') return failStart(onItsWay, 'start_timeout', 'the machine did not come up in time', now, times)
    const msg = 'the machine has power, but its service does not answer'
    return failStart(withStatus(onItsWay, 'unknown', now), 'service_silent', msg, now, times)
  }
  if (facts.machine !== 'running' || power.bootedTold) return quiet(onItsWay)
  return { power: { ...onItsWay, bootedTold: true }, acts: [{ type: 'tell-booted' }] }
}

function followStop(power: Power, call: Call, facts: Facts, now: number, times: PowerTimes): Decision {
  const late = now - call.at >= times.stopWaitMs
  const timedOut = () => failStop(power, 'stop_timeout', 'the machine did not go off in time', now, times)
  switch (facts.machine) {
    case 'stopped': {
      const done = { ...power, call: undefined, error: undefined, tries: 0 }
      return look(done, facts, now, times)
    }
    case 'stopping':
      return quiet(late ? timedOut() : power)
    case 'starting':
      if (now - call.at < times.settleMs) return quiet(power)
      return look({ ...power, call: undefined }, facts, now, times)
    case 'running':
    case 'unknown':
      return late ? look(timedOut(), facts, now, times) : quiet(power)
  }
}

function becomeOnline(power: Power, wakeMs: number | undefined, now: number): Decision {
  const next = { ...satisfied(withStatus(power, 'running', now)), call: undefined, error: undefined, idleSince: now, bootedTold: true }
  const acts: Act[] = power.bootedTold ? [] : [{ type: 'tell-booted' }]
  return { power: next, acts: [...acts, { type: 'tell-online', wakeMs }] }
}

function failStart(power: Power, code: PowerErrorCode, msg: string, now: number, times: PowerTimes): Decision {
  const tries = power.tries + 1
  // A machine that has power is not started again; it is watched, and said to be online when it is.
  const willRetry = code !== 'service_silent' && tries < times.tries && wants(power)
  const failure = { code, msg, willRetry }
  // Once it is given up, a person who asks again is not kept waiting.
  const wait = willRetry ? Math.min(times.retryMs * 2 ** (tries - 1), times.longestRetryMs) : times.retryMs
  const next: Power = { ...power, call: undefined, error: failure, tries, notBefore: now + wait }
  // What nobody asked for is nobody's failure.
  const acts: Act[] = power.call?.adopted && !wants(power) ? [] : [{ type: 'tell-failed', failure }]
  if (willRetry) return { power: next, acts }
  return { power: { ...next, wanted: false, hintsSettled: next.hints, givenUp: next.waiting }, acts }
}

function failStop(power: Power, code: PowerErrorCode, msg: string, now: number, times: PowerTimes): Power {
  return { ...power, call: undefined, error: { code, msg, willRetry: true }, notBefore: now + times.longestRetryMs }
}

/** Whoever wanted it has it. */
function satisfied(power: Power): Power {
  return { ...power, wanted: false, hintsSettled: power.hints, givenUp: 0, tries: 0 }
}

/** A stop that had failed is no matter any more. */
function isOff(power: Power, now: number): Power {
  const stopFailed = power.error?.code === 'stop_refused' || power.error?.code === 'stop_timeout'
  return stopFailed ? { ...power, error: undefined, notBefore: now } : power
}

/** The provider knows the machine again. */
function heard(power: Power): Power {
  const error = power.error?.code === 'provider_failed' && !wants(power) ? undefined : power.error
  return { ...power, silences: 0, error }
}

function adoptedCall(now: number): Call {
  return { kind: 'start', at: now, adopted: true, seen: true }
}

function adopted(power: Power, now: number): Power {
  return { ...power, silences: 0, call: adoptedCall(now) }
}

function withStatus(power: Power, status: PowerStatus, now: number): Power {
  return power.status === status ? power : { ...power, status, since: now }
}

function quiet(power: Power): Decision {
  return { power, acts: [] }
}
