// Where the API keeps its tasks: a port, so that one machine uses a file and many share one service. Nothing here knows
// what a task's states mean.
import type { ApiTask } from './task'

export interface TaskStore {
  /**
   * Keeps a new task, unless its owner has one with the same client id: then that one is answered. On disk when it
   * resolves, and atomic: of two at once one creates and both get the same.
   */
  create(task: ApiTask): Promise<{ readonly task: ApiTask; readonly created: boolean }>

  find(id: string): Promise<ApiTask | undefined>

  /**
   * Replaces a task by what `change` makes of it, atomically; the same object means no change. `change` is pure and may be
   * called more than once. Undefined when there is no such task.
   */
  update(id: string, change: (task: ApiTask) => ApiTask): Promise<{ readonly task: ApiTask; readonly changed: boolean } | undefined>

  /** Every task that has not ended, oldest first. */
  unfinished(): Promise<readonly ApiTask[]>

  close(): Promise<void>
}
