// The queue: which task goes to which worker, and what is made of what workers say. A task is with one worker at a time,
// under a lease; what is lost with a worker goes to the next one. Any number of processes may serve one store: every
// decision is one atomic change of a task (task.ts). Sockets are hub.ts's business, keeping is the store's.
import { randomBytes } from 'node:crypto'
import { taskErrorCodeSchema } from '../../src-shared/gpu-contract'
import { heygemTaskType, type TaskReport } from '../../src-shared/hub-contract'
import { reasonOf } from '../log'
import type { News } from './exchange'
import { OrderConflict, QueueFull, type Demand, type QueueParts, type ReportAnswer, type TaskOrder } from './queue-parts'
import { advance, isFinal, isHeldBy, type ApiTask, type ApiTaskEvent, type Holder } from './task'
import { progressMessage, resultMessages } from './task-words'
import { WorkerBoard, type QueueWorker } from './worker-board'

/** After the fourth lost worker it is the task. */
const lossLimit = 3

/** In leases: a minute by default. */
const recentLeases = 2

export class TaskQueue {
  private readonly board: WorkerBoard
  private dispatching: Promise<void> = Promise.resolve()
  private nextRound: Promise<void> | undefined
  private sweeping: NodeJS.Timeout | undefined
  private swept: Promise<void> = Promise.resolve()
  /** Leases that ended while nobody could renew them are no losses. */
  private lossesFrom: number
  private lastActiveAt = -Infinity
  private closed = false

  constructor(private readonly parts: QueueParts) {
    this.board = new WorkerBoard(parts.now)
    this.lossesFrom = parts.now() + parts.times.leaseMs
    this.sweepLater()
  }

  async submit(order: TaskOrder): Promise<ApiTask> {
    const { store, log, now, waitingLimit } = this.parts
    const lacking = (await this.parts.inputsThere?.(order.inputs)) === false
    const created = await store.create({
      licenseKey: order.licenseKey,
      waitingLimit,
      task: {
        id: `heygem_${randomBytes(7).toString('hex').slice(0, 13)}`,
        owner: order.owner,
        ...(order.clientTaskId !== undefined && { clientTaskId: order.clientTaskId }),
        ...(order.requestId !== undefined && { requestId: order.requestId }),
        inputs: order.inputs,
        createdAt: now(),
        ...{ percent: 0, frame: 0, totalFrames: 0, losses: 0 },
        state: { kind: 'queued', waitingFor: lacking ? 'inputs' : 'worker' },
      },
    })
    if (created.kind === 'full') throw new QueueFull(`${String(waitingLimit)} tasks of this license wait already`)
    const { task } = created
    if (created.kind === 'existing') {
      const same = task.inputs.audioHash === order.inputs.audioHash && task.inputs.videoHash === order.inputs.videoHash
      if (!same) throw new OrderConflict('this client_task_id was used for other files')
      return task
    }
    log.info('task_queued', { task: task.id })
    await this.dispatch()
    // What happened since is worth an answer, and no failure of it: the task is kept.
    const current = (await store.find(task.id).catch(() => undefined)) ?? task
    if (current.state.kind === 'queued') this.announceWaiting(current)
    return current
  }

  /** Undefined for an unknown task and for another owner's: nobody learns which of the two it is. */
  async find(owner: string, id: string): Promise<ApiTask | undefined> {
    const task = await this.parts.store.find(id)
    return task?.owner === owner ? task : undefined
  }

  /** In every state; what has ended stays as it ended. Undefined as with `find`. */
  async cancel(owner: string, id: string): Promise<ApiTask | undefined> {
    const task = await this.find(owner, id)
    if (!task || isFinal(task)) return task
    let before = task
    const event = { type: 'cancelled', at: this.parts.now() } as const
    const cancelled = await this.apply(id, event, (seen) => (before = seen))
    this.revoke(before, 'cancelled')
    return cancelled
  }

  /** Counted from 1 over everything that is not running yet; 0 when it runs or has ended. */
  async position(task: ApiTask): Promise<number> {
    if (task.state.kind === 'assigned') return task.state.position
    return task.state.kind === 'queued' ? this.parts.store.position(task.id) : 0
  }

  async demand(): Promise<Demand> {
    const counts = await this.parts.store.counts(this.parts.now() - this.parts.times.inputsDemandMs)
    return {
      waiting: counts.waiting - counts.lacking + counts.lackingSince,
      running: counts.assigned,
      recent: this.parts.now() - this.lastActiveAt < this.parts.times.leaseMs * recentLeases,
    }
  }

  /** First what the worker already has, so that nobody else is given it; then more. */
  async workerJoined(worker: QueueWorker, reports: readonly TaskReport[]): Promise<readonly { readonly taskId: string; readonly answer: ReportAnswer }[]> {
    const answers = []
    for (const report of reports) answers.push({ taskId: report.task_id, answer: await this.reported(worker.id, report) })
    this.board.join(worker)
    for (const { task_id, lease } of reports) await this.renewed({ worker: worker.id, lease }, task_id)
    void this.dispatch()
    return answers
  }

  /** What it has taken stays its own as long as the lease lasts: it may come back by another connection. */
  async workerLeft(workerId: string): Promise<void> {
    for (const taskId of this.board.leave(workerId)) {
      const task = await this.apply(taskId, { type: 'untaken', worker: workerId })
      if (task?.state.kind === 'queued') this.announceWaiting(task)
    }
    await this.dispatch()
  }

  async accepted(by: Holder, taskId: string, gpuTaskId: string | undefined): Promise<ReportAnswer> {
    const task = await this.apply(taskId, { type: 'accepted', by, gpuTaskId, leaseUntil: this.leaseEnd() })
    return task && isHeldBy(task, by) ? 'heard' : 'notYours'
  }

  /** For want of its files the task waits; for anything else it ends. */
  async refused(by: Holder, taskId: string, errorCode: string | undefined, message: string): Promise<void> {
    const code = taskErrorCodeSchema.safeParse(errorCode).data ?? 'engine_failed'
    // First, or it were offered the same again at once, or told to stop what it does not do.
    if (code === 'input_missing') this.lackedBy(by.worker, taskId)
    this.board.drop(by.worker, taskId, by.lease)
    await this.apply(taskId, { type: 'refused', by, code, message, at: this.parts.now() })
    void this.dispatch()
  }

  async reported(workerId: string, report: TaskReport): Promise<ReportAnswer> {
    const by = { worker: workerId, lease: report.lease }
    const ended = report.status === 'done' || report.status === 'error' || report.status === 'cancelled'
    if (report.status === 'error' && report.error_code === 'input_missing') this.lackedBy(workerId, report.task_id)
    if (ended) this.board.drop(workerId, report.task_id, report.lease)
    const event = { type: 'reported', by, report, at: this.parts.now(), leaseUntil: this.leaseEnd() } as const
    const task = await this.apply(report.task_id, event)
    if (!ended) return task && isHeldBy(task, by) ? 'heard' : 'notYours'
    void this.dispatch()
    return 'taken'
  }

  /** False when the task is not the worker's any more. */
  async renewed(by: Holder, taskId: string): Promise<boolean> {
    const task = await this.apply(taskId, { type: 'renewed', by, leaseUntil: this.leaseEnd() })
    const holds = task !== undefined && isHeldBy(task, by)
    if (holds && task.state.kind === 'assigned') this.board.hold(by.worker, task, task.state.lease)
    return holds
  }

  /** Files came to a worker, or to the API's own store: tasks that lacked them are offered again. */
  async inputsCame(hashes: readonly string[]): Promise<void> {
    const { lacking, waiting } = await this.parts.store.counts(0)
    for (const id of lacking > 0 ? await this.parts.store.waiting(waiting) : []) {
      const task = await this.parts.store.find(id)
      if (task?.state.kind !== 'queued' || task.state.waitingFor !== 'inputs') continue
      if (!hashes.includes(task.inputs.audioHash) && !hashes.includes(task.inputs.videoHash)) continue
      // The other file may still be on its way here; one that came to a worker says nothing of this store.
      if ((await this.parts.inputsThere?.(task.inputs)) === false) continue
      await this.apply(id, { type: 'inputsLooked', there: true })
      this.announceWaiting(task)
    }
    this.publish({ type: 'inputsCame', hashes })
  }

  /** News of this process and of others. */
  heard(news: News): void {
    if (news.type === 'revoked') {
      this.board.revoke(news.taskId, news.lease, news.reason)
      void this.dispatch()
    } else if (news.type === 'taskWaits') void this.dispatch()
    else if (news.type === 'inputsCame') {
      this.board.forgetLacking(news.hashes)
      void this.dispatch()
    } else if (news.type === 'said' && typeof news.to === 'object' && 'owner' in news.to) {
      // Every change of a task is told to its owner, and so to every process.
      this.lastActiveAt = this.parts.now()
    }
  }

  /** Nothing is given out any more; what is under way is finished. */
  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.sweeping)
    this.board.clear()
    await Promise.all([this.dispatching, this.swept])
  }

  get leaseMs(): number {
    return this.parts.times.leaseMs
  }

  private leaseEnd(): number {
    return this.parts.now() + this.parts.times.leaseMs
  }

  private lackedBy(workerId: string, taskId: string): void {
    this.board.lack(workerId, taskId, this.parts.now() + this.parts.times.inputsRetryMs)
  }

  /** To workers of other processes, and to the power monitor: who owns it is not the monitor's business. */
  private announceWaiting({ owner }: ApiTask): void {
    this.publish({ type: 'taskWaits' })
    this.parts.exchange.notice({ type: 'gpu.job.submit', task_type: heygemTaskType, key: owner }).catch((error: unknown) => {
      // It asks for the demand by itself from time to time.
      this.parts.log.warn('monitor_not_noticed', { reason: reasonOf(error) })
    })
  }

  private revoke(before: ApiTask, reason: 'cancelled' | 'lease_lost'): void {
    if (before.state.kind === 'assigned') this.publish({ type: 'revoked', taskId: before.id, lease: before.state.lease, reason })
  }

  /** Others hear of it soon anyhow: they look by themselves. */
  private publish(news: News): void {
    this.parts.exchange.publish(news).catch((error: unknown) => {
      this.parts.log.warn('news_not_told', { news: news.type, reason: reasonOf(error) })
    })
  }

  private async apply(taskId: string, event: ApiTaskEvent, onBefore?: (task: ApiTask) => void): Promise<ApiTask | undefined> {
    const updated = await this.parts.store.update(taskId, (task) => {
      onBefore?.(task)
      return advance(task, event)
    })
    if (updated?.changed) this.told(updated.task, event)
    return updated?.task
  }

  /** Every change that its owner can see. */
  private told(task: ApiTask, event: ApiTaskEvent): void {
    if (event.type === 'renewed' || event.type === 'claimed') return
    const { state } = task
    if (isFinal(task)) {
      this.parts.log.info('task_ended', { task: task.id, outcome: state.kind, ...(state.kind === 'failed' && { code: state.code }) })
    }
    const results = event.type === 'accepted' || (event.type === 'refused' && state.kind === 'failed') ? resultMessages(task) : []
    this.publish({ type: 'said', to: { owner: task.owner }, messages: [...results, progressMessage(task)] })
  }

  /**
   * One round at a time in this process; between processes the store decides. Whoever asks while one is under way shares
   * the next. Never rejects; a later round tries again.
   */
  private dispatch(): Promise<void> {
    this.nextRound ??= this.dispatching = this.dispatching
      .then(() => {
        this.nextRound = undefined
        return this.dispatchRound()
      })
      .catch((error: unknown) => {
        this.parts.log.error('dispatch_failed', { reason: reasonOf(error) })
      })
    return this.nextRound
  }

  private async dispatchRound(): Promise<void> {
    for (let again = true; again && !this.closed; ) {
      again = false
      const wanted = this.board.wanted()
      if (wanted === 0) return
      for (const taskId of await this.parts.store.waiting(wanted)) {
        const worker = this.board.choose(taskId)
        if (!worker) continue
        const lease = randomBytes(12).toString('hex')
        const task = await this.apply(taskId, { type: 'claimed', worker: worker.id, lease, leaseUntil: this.leaseEnd() })
        if (task && isHeldBy(task, { worker: worker.id, lease })) {
          if (!this.board.give(worker, task, lease, this.parts.times.leaseMs)) await this.apply(taskId, { type: 'untaken', worker: worker.id })
        } else if (task) {
          // Another process was quicker: there may be more than was looked at.
          again = true
        }
      }
    }
  }

  private sweepLater(): void {
    this.sweeping = setTimeout(() => {
      this.swept = this.sweep()
        .catch((error: unknown) => {
          // While the store is away nobody can renew a lease.
          this.lossesFrom = this.parts.now() + this.parts.times.leaseMs
          this.parts.log.error('sweep_failed', { reason: reasonOf(error) })
        })
        .then(() => {
          if (!this.closed) this.sweepLater()
        })
    }, this.parts.times.sweepMs)
  }

  private async sweep(): Promise<void> {
    const { store, now, times, log } = this.parts
    const at = now()
    if (at >= this.lossesFrom) {
      for (const id of await store.leasesEnded(at)) {
        let before: ApiTask | undefined
        const task = await this.apply(id, { type: 'leaseLost', at, lossLimit }, (seen) => (before = seen))
        // Another process may have been quicker, or the worker.
        if (!task || !before || before === task || task.state.kind === 'assigned') continue
        log.warn('lease_lost', { task: id, losses: task.losses })
        this.revoke(before, 'lease_lost')
        if (task.state.kind === 'queued') this.announceWaiting(task)
      }
    }
    for (const id of await store.waitingSince(at - times.queueTtlMs)) await this.apply(id, { type: 'expired', at })
    // News can be lost: what a worker here has is looked at again.
    for (const { workerId, taskId, lease } of this.board.held()) {
      const task = await store.find(taskId)
      if (task && isHeldBy(task, { worker: workerId, lease })) continue
      const state = task?.state
      // What the worker itself ended or gave back needs no word.
      if (state?.kind === 'cancelled') this.board.revoke(taskId, lease, 'cancelled')
      else if (state?.kind === 'assigned' || (state?.kind === 'queued' && state.lastLease === lease)) this.board.revoke(taskId, lease, 'lease_lost')
      else this.board.drop(workerId, taskId, lease)
    }
    await this.dispatch()
  }
}
