// The queue: which task goes to which worker, and what is made of what workers say. A task is with one worker at a time;
// what a lost worker held goes to the next one. Sockets are hub.ts's business, keeping is the store's.
import { randomBytes } from 'node:crypto'
import { taskErrorCodeSchema } from '../../src-shared/gpu-contract'
import { heygemTaskType, type JobSubmit, type TaskReport } from '../../src-shared/hub-contract'
import { reasonOf, type Log } from '../log'
import type { TaskStore } from './store'
import { advance, heldBy, isFinal, type ApiTask, type ApiTaskEvent } from './task'

/** A worker as the queue sees it. */
export interface QueueWorker {
  /** Of this connection; never used twice. */
  readonly id: string
  readonly slots: number
  send(job: JobSubmit): void
}

export interface TaskOrder {
  readonly owner: string
  readonly clientTaskId: string | undefined
  readonly inputs: ApiTask['inputs']
}

/** The same client id with other files: one of the two would get the other's video. */
export class OrderConflict extends Error {}

export interface QueueParts {
  readonly store: TaskStore
  readonly log: Log
  readonly now: () => number
}

export class TaskQueue {
  private readonly workers = new Map<string, QueueWorker>()
  private dispatching: Promise<void> = Promise.resolve()

  private constructor(private readonly parts: QueueParts) {}

  /** What an earlier process had given out is queued again; a worker that still has it says so when it registers. */
  static async open(parts: QueueParts): Promise<TaskQueue> {
    const queue = new TaskQueue(parts)
    for (const task of await parts.store.unfinished()) {
      if (task.state.kind === 'assigned') await queue.apply(task.id, { type: 'released', worker: task.state.worker })
    }
    return queue
  }

  async submit(order: TaskOrder): Promise<ApiTask> {
    const { task, created } = await this.parts.store.create({
      id: `heygem_${randomBytes(7).toString('hex').slice(0, 13)}`,
      owner: order.owner,
      ...(order.clientTaskId !== undefined && { clientTaskId: order.clientTaskId }),
      inputs: order.inputs,
      createdAt: this.parts.now(),
      percent: 0,
      frame: 0,
      totalFrames: 0,
      state: { kind: 'queued' },
    })
    if (!created) {
      const same = task.inputs.audioHash === order.inputs.audioHash && task.inputs.videoHash === order.inputs.videoHash
      if (!same) throw new OrderConflict('this client_task_id was used for other files')
      return task
    }
    this.parts.log.info('task_queued', { task: task.id })
    await this.dispatch()
    return (await this.parts.store.find(task.id)) ?? task
  }

  /** Undefined for an unknown task and for another owner's: nobody learns which of the two it is. */
  async find(owner: string, id: string): Promise<ApiTask | undefined> {
    const task = await this.parts.store.find(id)
    return task?.owner === owner ? task : undefined
  }

  /** Counted from 1 over everything that is not running yet; 0 when it runs or has ended. */
  async position(task: ApiTask): Promise<number> {
    if (task.state.kind === 'assigned') return task.state.position
    if (task.state.kind !== 'queued') return 0
    const waiting = (await this.parts.store.unfinished()).filter((other) => other.state.kind === 'queued')
    return waiting.findIndex((other) => other.id === task.id) + 1
  }

  get hasWorkers(): boolean {
    return this.workers.size > 0
  }

  /** First what the worker already has, so that nobody else is given it; then more. Answers what it need not tell again. */
  async workerJoined(worker: QueueWorker, reports: readonly TaskReport[]): Promise<readonly string[]> {
    const taken: string[] = []
    for (const report of reports) if (await this.reported(worker.id, report)) taken.push(report.task_id)
    this.workers.set(worker.id, worker)
    void this.dispatch()
    return taken
  }

  async workerLeft(workerId: string): Promise<void> {
    this.workers.delete(workerId)
    for (const task of await this.parts.store.unfinished()) {
      if (heldBy(task, workerId)) {
        await this.apply(task.id, { type: 'released', worker: workerId })
        this.parts.log.warn('task_released', { task: task.id })
      }
    }
    await this.dispatch()
  }

  async accepted(workerId: string, taskId: string, gpuTaskId: string | undefined): Promise<void> {
    await this.apply(taskId, { type: 'accepted', worker: workerId, gpuTaskId })
  }

  async refused(workerId: string, taskId: string, errorCode: string | undefined, message: string): Promise<void> {
    const code = taskErrorCodeSchema.safeParse(errorCode).data ?? 'engine_failed'
    await this.apply(taskId, { type: 'refused', worker: workerId, code, message, at: this.parts.now() })
    await this.dispatch()
  }

  /** True when this end of a task is on disk, or there is no such task: the worker need not tell it again. */
  async reported(workerId: string, report: TaskReport): Promise<boolean> {
    const at = this.parts.now()
    const task = await this.apply(report.task_id, { type: 'reported', worker: workerId, report, at })
    if (task && !isFinal(task)) return false
    void this.dispatch()
    return true
  }

  private async apply(taskId: string, event: ApiTaskEvent): Promise<ApiTask | undefined> {
    const updated = await this.parts.store.update(taskId, (task) => advance(task, event))
    if (updated?.changed && isFinal(updated.task)) {
      const { state } = updated.task
      this.parts.log.info('task_ended', {
        task: taskId,
        outcome: state.kind,
        ...(state.kind === 'failed' && { code: state.code }),
      })
    }
    return updated?.task
  }

  /** One round at a time: two at once could give a task to two workers. Never rejects; the next round tries again. */
  private dispatch(): Promise<void> {
    this.dispatching = this.dispatching
      .then(() => this.dispatchRound())
      .catch((error: unknown) => {
        this.parts.log.error('dispatch_failed', { reason: reasonOf(error) })
      })
    return this.dispatching
  }

  /** Nothing is given out any more; what is under way is finished. */
  async close(): Promise<void> {
    this.workers.clear()
    await this.dispatching
  }

  private async dispatchRound(): Promise<void> {
    const unfinished = await this.parts.store.unfinished()
    const waiting = unfinished.filter((task) => task.state.kind === 'queued')
    for (const worker of this.workers.values()) {
      let free = worker.slots - unfinished.filter((task) => heldBy(task, worker.id)).length
      while (free > 0) {
        const task = waiting.shift()
        if (!task) return
        const given = await this.apply(task.id, { type: 'assigned', worker: worker.id })
        if (!given || !heldBy(given, worker.id)) continue
        worker.send(toJob(given))
        free -= 1
      }
    }
  }
}

function toJob(task: ApiTask): JobSubmit {
  const { audioHash, audioExt, videoHash, videoExt } = task.inputs
  return {
    type: 'gpu.job.submit',
    task_type: heygemTaskType,
    request_id: task.id,
    key: task.owner,
    sender_fd: 0,
    payload: {
      task_id: task.id,
      audio_hash: audioHash,
      audio_ext: audioExt,
      video_hash: videoHash,
      video_ext: videoExt,
      ...(task.clientTaskId !== undefined && { client_task_id: task.clientTaskId }),
    },
  }
}
