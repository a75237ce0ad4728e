// Every render task this server was ever given, kept across restarts, and the only place that decides how one may
// change. Any id that was handed out resolves for ever (quirk 5); progress never goes back (quirk 34).
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { taskErrorCodeSchema, type TaskErrorCode } from '../../src-shared/gpu-contract'
import { reasonOf, type Log } from '../log'
import { RecordFile } from '../record-file'
import type { RenderProgress } from './engine'

const stateSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('queued') }),
  z.object({ kind: z.literal('running'), startedAt: z.number() }),
  z.object({
    kind: z.literal('done'),
    startedAt: z.number(),
    finishedAt: z.number(),
    resultKey: z.string(),
    /** The result of an earlier task with the same inputs. */
    cached: z.boolean(),
  }),
  z.object({
    kind: z.literal('failed'),
    startedAt: z.number(),
    finishedAt: z.number(),
    code: taskErrorCodeSchema,
    message: z.string(),
  }),
  /** Nobody wants it from here any more; whoever does asks anew. */
  z.object({ kind: z.literal('cancelled'), startedAt: z.number(), finishedAt: z.number() }),
])

const taskSchema = z.object({
  id: z.string(),
  /** Other ids under which the same task was handed out. */
  aliases: z.array(z.string()),
  /** Fingerprint of the license key, '' where none was given. */
  owner: z.string(),
  clientTaskId: z.string().optional(),
  /** The hub's id for it, where it came through the API, which wants to hear how it goes. */
  hubId: z.string().optional(),
  /** The hub's for it: without it the hub does not believe what is said of the task. */
  lease: z.string().optional(),
  /** The hub took down how it ended. */
  told: z.boolean(),
  inputs: z.object({ audioHash: z.string(), videoHash: z.string() }),
  createdAt: z.number(),
  percent: z.number(),
  frame: z.number(),
  totalFrames: z.number(),
  /** It is next, and its files are on their way. */
  fetching: z.boolean().optional(),
  /** The percentage is a guess of the engine's. */
  estimated: z.boolean(),
  state: stateSchema,
})
export type GpuTask = Readonly<z.infer<typeof taskSchema>>

export interface TaskOrder {
  /** The API's id; undefined for tasks that come directly. */
  readonly hubId: string | undefined
  readonly lease?: string | undefined
  readonly owner: string
  readonly clientTaskId: string | undefined
  readonly inputs: GpuTask['inputs']
}

export interface QueueCounts {
  readonly total_tasks: number
  readonly processing: number
  readonly queued: number
  readonly max_concurrent: number
}

/** Progress is on disk in steps of this many percent: enough that it does not fall far after a restart. */
const savedStepPercent = 5

export class TaskTable {
  private readonly idOfAlias = new Map<string, string>()
  private readonly idOfClient = new Map<string, string>()
  private readonly savedPercent = new Map<string, number>()
  private readonly listeners = new Set<(task: GpuTask) => void>()

  private constructor(
    private readonly records: RecordFile<GpuTask>,
    private readonly log: Log,
    private readonly now: () => number,
  ) {}

  /** A task that was running when the process ended is queued again: running again is how it resumes. */
  static async open(path: string, log: Log, now: () => number = Date.now): Promise<TaskTable> {
    const table = new TaskTable(await RecordFile.open(path, taskSchema, log), log, now)
    for (const task of [...table.records.values()]) {
      table.index(task)
      if (task.state.kind === 'running') await table.records.save({ ...task, state: { kind: 'queued' } })
    }
    return table
  }

  /** Calls back on every change of a task. */
  subscribe(listener: (task: GpuTask) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  find(id: string): GpuTask | undefined {
    return this.records.get(id) ?? this.records.get(this.idOfAlias.get(id) ?? '')
  }

  all(): readonly GpuTask[] {
    return [...this.records.values()]
  }

  /** The oldest queued task. */
  next(): GpuTask | undefined {
    for (const task of this.records.values()) if (task.state.kind === 'queued') return task
    return undefined
  }

  /** Of every task that has not ended. */
  neededInputs(): readonly string[] {
    const open = this.all().filter(({ state }) => state.kind === 'queued' || state.kind === 'running')
    return open.flatMap(({ inputs }) => [inputs.audioHash, inputs.videoHash])
  }

  /** 1 for the next in line, 0 when not queued. */
  position(task: GpuTask): number {
    if (task.state.kind !== 'queued') return 0
    let position = 0
    for (const other of this.records.values()) {
      if (other.state.kind === 'queued') position += 1
      if (other.id === task.id) break
    }
    return position
  }

  counts(): QueueCounts {
    const tasks = this.all()
    const count = (kind: GpuTask['state']['kind']): number => tasks.filter((task) => task.state.kind === kind).length
    return { total_tasks: tasks.length, processing: count('running'), queued: count('queued'), max_concurrent: 1 }
  }

  /** The task there is for this order already, asked for again, perhaps by the other way or under another id. */
  async findFor(order: TaskOrder): Promise<GpuTask | undefined> {
    const byHub = order.hubId === undefined ? undefined : this.find(order.hubId)
    const task = byHub ?? this.findByClient(order)
    if (!task || order.hubId === undefined || (task.hubId === order.hubId && task.lease === order.lease)) return task
    const known = task.hubId === order.hubId || task.id === order.hubId || task.aliases.includes(order.hubId)
    const aliases = known ? task.aliases : [...task.aliases, order.hubId]
    const adopted: GpuTask = { ...task, aliases, hubId: order.hubId, lease: order.lease, told: false }
    this.index(adopted)
    await this.change(adopted)
    return adopted
  }

  /** A new task, on disk before it is answered; one whose result is there already has ended with its beginning. */
  async add(order: TaskOrder, resultKey?: string): Promise<GpuTask> {
    const now = this.now()
    const task: GpuTask = {
      id: order.hubId ?? randomBytes(8).toString('hex'),
      aliases: [],
      owner: order.owner,
      ...(order.clientTaskId !== undefined && { clientTaskId: order.clientTaskId }),
      ...(order.hubId !== undefined && { hubId: order.hubId }),
      ...(order.lease !== undefined && { lease: order.lease }),
      told: false,
      inputs: order.inputs,
      createdAt: now,
      percent: resultKey === undefined ? 0 : 100,
      frame: 0,
      totalFrames: 0,
      estimated: false,
      state:
        resultKey === undefined
          ? { kind: 'queued' }
          : { kind: 'done', startedAt: now, finishedAt: now, resultKey, cached: true },
    }
    this.index(task)
    await this.change(task)
    return task
  }

  /** What the hub must hear when it is there again: tasks of its that go on, and ends it did not take down. */
  untold(): readonly GpuTask[] {
    return this.all().filter((task) => task.hubId !== undefined && !task.told)
  }

  async markTold(hubId: string): Promise<void> {
    const task = this.find(hubId)
    if (task && !task.told) await this.changeAnyway({ ...task, told: true })
  }

  /** Not worth a write: after a restart it begins anew. */
  markFetching(taskId: string): void {
    const task = this.records.get(taskId)
    if (task?.state.kind !== 'queued' || task.fetching) return
    const fetching: GpuTask = { ...task, fetching: true }
    this.records.hold(fetching)
    this.tell(fetching)
  }

  async start(task: GpuTask): Promise<void> {
    await this.changeAnyway({ ...this.current(task), fetching: undefined, state: { kind: 'running', startedAt: this.now() } })
  }

  report(taskId: string, progress: RenderProgress): void {
    const task = this.records.get(taskId)
    if (task?.state.kind !== 'running') return
    const next = withProgress(task, progress)
    if (next.percent === task.percent && next.frame === task.frame) return
    const due = next.percent >= (this.savedPercent.get(task.id) ?? 0) + savedStepPercent
    if (due) this.savedPercent.set(task.id, next.percent)
    if (!due) {
      this.records.hold(next)
      this.tell(next)
      return
    }
    void this.changeAnyway(next)
  }

  async finish(taskId: string, result: { readonly resultKey: string; readonly cached: boolean }): Promise<void> {
    const task = this.records.get(taskId)
    if (!task || task.state.kind === 'cancelled') return
    const frames = task.totalFrames > 0 ? { frame: task.totalFrames } : {}
    await this.end(task, { ...task, ...frames, percent: 100, estimated: false }, { kind: 'done', ...result })
  }

  async fail(taskId: string, code: TaskErrorCode, message: string): Promise<void> {
    const task = this.records.get(taskId)
    if (task && task.state.kind !== 'cancelled') await this.end(task, { ...task, percent: 0 }, { kind: 'failed', code, message })
  }

  /** For the hub, which needs no word of it. What has ended stays as it ended. */
  async cancel(hubId: string): Promise<void> {
    const task = this.find(hubId)
    if (!task) return
    if (task.state.kind === 'queued' || task.state.kind === 'running') await this.end(task, { ...task, percent: 0, told: true }, { kind: 'cancelled' })
    else await this.markTold(hubId)
  }

  /** Once more, where its result has gone. */
  async requeue(task: GpuTask): Promise<GpuTask> {
    const queued: GpuTask = { ...this.current(task), fetching: undefined, percent: 0, frame: 0, told: false, state: { kind: 'queued' } }
    await this.change(queued)
    return queued
  }

  close(): Promise<void> {
    return this.records.close()
  }

  private findByClient(order: TaskOrder): GpuTask | undefined {
    if (order.clientTaskId === undefined) return undefined
    return this.records.get(this.idOfClient.get(clientKey(order.owner, order.clientTaskId)) ?? '')
  }

  private async end(
    before: GpuTask,
    task: GpuTask,
    outcome:
      | { readonly kind: 'done'; readonly resultKey: string; readonly cached: boolean }
      | { readonly kind: 'failed'; readonly code: TaskErrorCode; readonly message: string }
      | { readonly kind: 'cancelled' },
  ): Promise<void> {
    this.savedPercent.delete(task.id)
    const startedAt = before.state.kind === 'running' ? before.state.startedAt : this.now()
    await this.changeAnyway({ ...task, fetching: undefined, state: { ...outcome, startedAt, finishedAt: this.now() } })
  }

  /** The newest version of a task somebody holds. */
  private current(task: GpuTask): GpuTask {
    return this.records.get(task.id) ?? task
  }

  private async change(task: GpuTask): Promise<void> {
    const saved = this.records.save(task)
    this.tell(task)
    await saved
  }

  /** A full disk must not stop the worker: the change holds until a restart, and then the task runs again. */
  private async changeAnyway(task: GpuTask): Promise<void> {
    try {
      await this.change(task)
    } catch (error) {
      this.log.warn('task_not_saved', { task: task.id, reason: reasonOf(error) })
    }
  }

  private tell(task: GpuTask): void {
    for (const listener of this.listeners) listener(task)
  }

  private index(task: GpuTask): void {
    for (const alias of task.aliases) this.idOfAlias.set(alias, task.id)
    if (task.clientTaskId !== undefined) this.idOfClient.set(clientKey(task.owner, task.clientTaskId), task.id)
  }
}

function clientKey(owner: string, clientTaskId: string): string {
  return `${owner}:${clientTaskId}`
}

function withProgress(task: GpuTask, progress: RenderProgress): GpuTask {
  // 100 is for a result that lies there.
  const ceiling = 99
  if ('percent' in progress) {
    const percent = Math.max(task.percent, Math.min(ceiling, Math.floor(progress.percent)))
    return { ...task, percent, estimated: progress.estimated }
  }
  const share = progress.totalFrames > 0 ? (progress.frame / progress.totalFrames) * 100 : 0
  return {
    ...task,
    percent: Math.max(task.percent, Math.min(ceiling, Math.floor(share))),
    frame: Math.max(task.frame, progress.frame),
    totalFrames: Math.max(task.totalFrames, progress.totalFrames),
    estimated: false,
  }
}
