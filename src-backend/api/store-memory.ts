// The store of one machine: memory, and a file that survives the end of the process in whatever way it comes.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf, type Log } from '../log'
import { RecordFile } from '../record-file'
import { servingOrder, type Created, type NewTask, type TaskCounts, type TaskStore } from './store'
import { apiTaskSchema, isFinal, type ApiTask } from './task'

export class MemoryTaskStore implements TaskStore {
  private readonly idOfClient = new Map<string, string>()
  /** What has not ended, with its serving order: looking at what waits does not grow with everything that ever was. */
  private readonly open = new Map<string, number>()
  private readonly openOfOwner = new Map<string, number>()

  private constructor(
    private readonly records: RecordFile<ApiTask>,
    private readonly log: Log,
  ) {
    for (const task of records.values()) this.index(task)
  }

  static async open(dir: string, log: Log): Promise<MemoryTaskStore> {
    await mkdir(dir, { recursive: true })
    return new MemoryTaskStore(await RecordFile.open(join(dir, 'tasks.jsonl'), apiTaskSchema, log), log)
  }

  async create({ task, waitingLimit }: NewTask): Promise<Created> {
    const existing = this.records.get(this.idOfClient.get(clientKey(task)) ?? '')
    if (existing) {
      // Its first save may still be on the way to disk: whoever is answered must find it after a crash.
      await this.records.settled()
      return { kind: 'existing', task: existing }
    }
    if (this.openTasks().filter((other) => isWaiting(other) && other.owner === task.owner).length >= waitingLimit) return { kind: 'full' }
    this.index(task)
    try {
      await this.records.save(task)
    } catch (error) {
      this.forget(task)
      throw error
    }
    return { kind: 'created', task }
  }

  find(id: string): Promise<ApiTask | undefined> {
    return Promise.resolve(this.records.get(id))
  }

  async update(
    id: string,
    change: (task: ApiTask) => ApiTask,
  ): Promise<{ readonly task: ApiTask; readonly changed: boolean } | undefined> {
    const before = this.records.get(id)
    if (!before) return undefined
    const task = change(before)
    if (task === before) return { task, changed: false }
    this.index(task)
    try {
      await this.records.save(task)
    } catch (error) {
      // The task goes on; the file gets the line with the next one. After a crash before that, its worker knows better.
      this.log.warn('task_not_saved', { task: id, reason: reasonOf(error) })
    }
    return { task, changed: true }
  }

  waiting(count: number): Promise<readonly string[]> {
    return Promise.resolve(this.inOrder().slice(0, count))
  }

  position(id: string): Promise<number> {
    return Promise.resolve(this.inOrder().indexOf(id) + 1)
  }

  waitingSince(before: number): Promise<readonly string[]> {
    return Promise.resolve(idsOf(this.openTasks().filter((task) => isWaiting(task) && task.createdAt < before)))
  }

  leasesEnded(by: number): Promise<readonly string[]> {
    return Promise.resolve(idsOf(this.openTasks().filter(({ state }) => state.kind === 'assigned' && state.leaseUntil <= by)))
  }

  counts(createdAfter: number): Promise<TaskCounts> {
    const waiting = this.openTasks().filter(isWaiting)
    const lacking = waiting.filter((task) => task.state.kind === 'queued' && task.state.waitingFor === 'inputs')
    return Promise.resolve({
      waiting: waiting.length,
      lacking: lacking.length,
      lackingSince: lacking.filter((task) => task.createdAt > createdAfter).length,
      assigned: this.open.size - waiting.length,
    })
  }

  close(): Promise<void> {
    return this.records.close()
  }

  private openTasks(): readonly ApiTask[] {
    return [...this.open.keys()].map((id) => this.records.get(id)).filter((task) => task !== undefined)
  }

  /** Sorting keeps the order of those that are equal. */
  private inOrder(): readonly string[] {
    const order = (id: string): number => this.open.get(id) ?? 0
    return idsOf(this.openTasks().filter(isWaiting)).sort((one, other) => order(one) - order(other))
  }

  private forget(task: ApiTask): void {
    this.records.forget(task.id)
    this.idOfClient.delete(clientKey(task))
    this.leave(task)
  }

  private index(task: ApiTask): void {
    if (task.clientTaskId !== undefined) this.idOfClient.set(clientKey(task), task.id)
    if (isFinal(task)) this.leave(task)
    else if (!this.open.has(task.id)) {
      const others = this.openOfOwner.get(task.owner) ?? 0
      this.open.set(task.id, servingOrder(task.createdAt, others))
      this.openOfOwner.set(task.owner, others + 1)
    }
  }

  private leave(task: ApiTask): void {
    if (!this.open.delete(task.id)) return
    const others = (this.openOfOwner.get(task.owner) ?? 1) - 1
    if (others > 0) this.openOfOwner.set(task.owner, others)
    else this.openOfOwner.delete(task.owner)
  }
}

const isWaiting = (task: ApiTask): boolean => task.state.kind === 'queued'
const idsOf = (tasks: readonly ApiTask[]): string[] => tasks.map((task) => task.id)

function clientKey(task: ApiTask): string {
  return task.clientTaskId === undefined ? '' : `${task.owner}:${task.clientTaskId}`
}
