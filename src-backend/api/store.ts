// Where the API keeps its tasks: a port, so that one machine uses a file and many share one service. Nothing here
// decides how a task may change (task.ts) or what is done with it (task-queue.ts).
import type { ApiTask } from './task'

/** Nothing was kept, or it is not known whether it was: the same call may be made again. */
export class StoreUnavailable extends Error {}

export interface NewTask {
  readonly task: ApiTask
  /** In clear: operators know their lists by it. Never part of a log line. */
  readonly licenseKey: string
  /** How many tasks of one owner may wait. */
  readonly waitingLimit: number
}

export type Created =
  | { readonly kind: 'created' | 'existing'; readonly task: ApiTask }
  /** Too many tasks of this owner wait. */
  | { readonly kind: 'full' }

export interface TaskCounts {
  /** Not with a worker, files and all. */
  readonly waiting: number
  /** Of those, the ones known to lack files, when they were created after the given time. */
  readonly lackingSince: number
  readonly lacking: number
  readonly assigned: number
}

/** Every call may reject with StoreUnavailable. Times are epoch milliseconds. */
export interface TaskStore {
  /**
   * Keeps a new task, unless its owner has one with the same client id: then that one is answered. Kept for good when it
   * resolves, and atomic: of two at once one creates and both get the same.
   */
  create(order: NewTask): Promise<Created>

  find(id: string): Promise<ApiTask | undefined>

  /**
   * Replaces a task by what `change` makes of it, atomically; the same object means no change. `change` is pure and may be
   * called more than once. Undefined when there is no such task.
   */
  update(id: string, change: (task: ApiTask) => ApiTask): Promise<{ readonly task: ApiTask; readonly changed: boolean } | undefined>

  /** The ids of the first waiting tasks, in the order in which they are served (`servingOrder`). */
  waiting(count: number): Promise<readonly string[]>

  /** 1 for the first of those that wait; 0 for a task that does not. */
  position(id: string): Promise<number>

  /** Waiting tasks that were created before this time. */
  waitingSince(before: number): Promise<readonly string[]>

  /** Tasks with a worker whose lease ended by this time. */
  leasesEnded(by: number): Promise<readonly string[]>

  counts(createdAfter: number): Promise<TaskCounts>

  close(): Promise<void>
}

/** How far each task that an owner has open already pushes back the next one: the licenses take turns, and nobody starves. */
const turnMs = 60_000

/** Waiting tasks are served from the lowest number; a task that is put back keeps its own. */
export function servingOrder(createdAt: number, openOfOwner: number): number {
  return createdAt + openOfOwner * turnMs
}
