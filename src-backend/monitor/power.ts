// What the monitor knows of the GPU machine and of who wants it, and how news from others changes that. power-state.ts
// decides on it. Times are milliseconds of one clock.
import type { PowerErrorCode, PowerStatus } from '../../src-shared/power-contract'

export interface PowerTimes {
  /** Between two checks when nothing is going on. */
  readonly checkMs: number
  /** Between two checks while the machine is on its way, or does not answer. */
  readonly watchMs: number
  /** Without a task for so long, the machine is stopped. */
  readonly idleMs: number
  readonly startWaitMs: number
  readonly stopWaitMs: number
  /** For so long after a call the machine may still say what it was before: clouds are slow to notice. */
  readonly settleMs: number
  /** After a start that failed; doubled from try to try. */
  readonly retryMs: number
  readonly longestRetryMs: number
  /** Starts that may fail for one demand; then only a new demand makes another. */
  readonly tries: number
}

export type Demand =
  /** No line to the hub. */
  | { readonly kind: 'away' }
  /** There is a line, and no answer: an older server does not know the question. */
  | { readonly kind: 'unanswered' }
  /** `hints`: how many notices had come when it was asked. */
  | { readonly kind: 'known'; readonly waiting: number; readonly active: boolean; readonly hints: number }

export interface Facts {
  /** The provider's word. */
  readonly machine: PowerStatus
  /** Why it is unknown, if it is. */
  readonly machineError?: string
  /** The service's health says that it can render. */
  readonly ready: boolean
  /** It also says that it has tasks: those that came to it directly are in no queue but its own. */
  readonly busy: boolean
  readonly demand: Demand
  /** A call to start or to stop has not returned yet. */
  readonly calling: boolean
}

export interface Call {
  readonly kind: 'start' | 'stop'
  readonly at: number
  /** Found on its way, and not started by us: how long that took says nothing about a wake. */
  readonly adopted: boolean
  /** The machine has been seen to follow. */
  readonly seen: boolean
}

export interface PowerFailure {
  readonly code: PowerErrorCode
  readonly msg: string
  readonly willRetry: boolean
}

export interface Power {
  /** As others are told: `running` only when the service answers (quirk 20). */
  readonly status: PowerStatus
  readonly since: number
  readonly error: PowerFailure | undefined
  readonly call: Call | undefined
  /** Somebody asked for the machine, and it has not answered since. */
  readonly wanted: boolean
  /** Notices so far, and how many of them the queue's own answer or a running machine has settled. */
  readonly hints: number
  readonly hintsSettled: number
  readonly tries: number
  /** No call before this. */
  readonly notBefore: number
  /** Waiting tasks, as last known, and how many of them the machine was given up for. */
  readonly waiting: number
  readonly givenUp: number
  readonly idleSince: number
  readonly silences: number
  readonly bootedTold: boolean
}

export type Act =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'tell-booted' }
  /** `wakeMs`: from the call until the service answered; undefined when it was not our call. */
  | { readonly type: 'tell-online'; readonly wakeMs: number | undefined }
  | { readonly type: 'tell-failed'; readonly failure: PowerFailure }

export interface Decision {
  readonly power: Power
  readonly acts: readonly Act[]
}

export function initialPower(now: number): Power {
  return {
    ...{ status: 'unknown', since: now, error: undefined, call: undefined, wanted: false, hints: 0, hintsSettled: 0 },
    ...{ tries: 0, notBefore: now, waiting: 0, givenUp: 0, idleSince: now, silences: 0, bootedTold: false },
  }
}

/** Somebody asked for the machine by name. */
export function bootAsked(power: Power, now: number): Power {
  return { ...power, wanted: true, idleSince: now }
}

/** A task was queued. The queue's answer to the next question counts for more. */
export function jobNoticed(power: Power, now: number): Power {
  return { ...power, hints: power.hints + 1, idleSince: now }
}

export function taskActive(power: Power, now: number): Power {
  return { ...power, idleSince: now }
}

/** Somebody waits for the machine. */
export function wants(power: Power): boolean {
  return power.wanted || power.hints > power.hintsSettled || power.waiting > power.givenUp
}
