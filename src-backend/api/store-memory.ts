// The store of one machine: memory, and a file that survives the end of the process in whatever way it comes.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf, type Log } from '../log'
import { RecordFile } from '../record-file'
import type { TaskStore } from './store'
import { apiTaskSchema, isFinal, type ApiTask } from './task'

export class MemoryTaskStore implements TaskStore {
  private readonly idOfClient = new Map<string, string>()
  /** Kept apart, so that looking at what waits does not grow with everything that ever was. */
  private readonly open = new Set<string>()

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

  async create(task: ApiTask): Promise<{ readonly task: ApiTask; readonly created: boolean }> {
    const existing = this.records.get(this.idOfClient.get(clientKey(task)) ?? '')
    if (existing) {
      // Its first save may still be on the way to disk: whoever is answered must find it after a crash.
      await this.records.settled()
      return { task: existing, created: false }
    }
    this.index(task)
    try {
      await this.records.save(task)
    } catch (error) {
      this.forget(task)
      throw error
    }
    return { task, created: true }
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

  unfinished(): Promise<readonly ApiTask[]> {
    const tasks = [...this.open].map((id) => this.records.get(id)).filter((task) => task !== undefined)
    return Promise.resolve(tasks)
  }

  close(): Promise<void> {
    return this.records.close()
  }

  private forget(task: ApiTask): void {
    this.records.forget(task.id)
    this.idOfClient.delete(clientKey(task))
    this.open.delete(task.id)
  }

  private index(task: ApiTask): void {
    if (task.clientTaskId !== undefined) this.idOfClient.set(clientKey(task), task.id)
    if (isFinal(task)) this.open.delete(task.id)
    else this.open.add(task.id)
  }
}

function clientKey(task: ApiTask): string {
  return task.clientTaskId === undefined ? '' : `${task.owner}:${task.clientTaskId}`
}
