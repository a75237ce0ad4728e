// What the queue is made of and set to, what it is asked for, and what it answers.
import type { Log } from '../log'
import type { Exchange } from './exchange'
import type { TaskStore } from './store'
import type { ApiTask } from './task'

export interface TaskOrder {
  readonly owner: string
  readonly licenseKey: string
  readonly clientTaskId: string | undefined
  readonly requestId?: string
  readonly inputs: ApiTask['inputs']
}

/** The same client id with other files: one of the two would get the other's video. */
export class OrderConflict extends Error {}
/** Too many tasks of this license wait. */
export class QueueFull extends Error {}

export interface QueueTimes {
  /** How long a task stays a worker's without a word of it. */
  readonly leaseMs: number
  /** Between two looks for leases that ended and tasks that waited too long. */
  readonly sweepMs: number
  /** A task that waited this long ends as expired. */
  readonly queueTtlMs: number
  /** A worker that lacked a task's files is offered it again after this long. */
  readonly inputsRetryMs: number
  /** A task that lacks files needs a GPU only so long: who uploads does it soon, or never. */
  readonly inputsDemandMs: number
}

export const queueTimes: Omit<QueueTimes, 'leaseMs' | 'queueTtlMs'> = {
  sweepMs: 1000,
  inputsRetryMs: 10_000,
  inputsDemandMs: 30 * 60_000,
}

export interface QueueParts {
  readonly store: TaskStore
  readonly exchange: Exchange
  readonly log: Log
  readonly now: () => number
  readonly times: QueueTimes
  /** How many tasks of one license may wait. */
  readonly waitingLimit: number
  /** Whether this API keeps both files of a task; undefined where it keeps none. */
  readonly inputsThere?: (inputs: ApiTask['inputs']) => Promise<boolean | undefined>
}

/** What a worker is to be told of what it said: nothing, that it is taken down, or that the task is not its own any more. */
export type ReportAnswer = 'heard' | 'taken' | 'notYours'

/** What a power monitor asks for. */
export interface Demand {
  readonly waiting: number
  readonly running: number
  /** A task went on or ended a short while ago. */
  readonly recent: boolean
}
