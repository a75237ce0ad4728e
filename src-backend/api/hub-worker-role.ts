// A worker on the hub: gives it tasks, and hands what it says of them to the queue.
import { heygemTaskType, type HubMessage, type JobSubmit, type RegisterWorker } from '../../src-shared/hub-contract'
import type { HubParts, PeerLine } from './hub-peer'
import type { ReportAnswer } from './queue-parts'

type FromWorker = Extract<
  HubMessage,
  { type: 'gpu.job.result' | 'gpu_task_result' | 'gpu.task.progress' | 'gpu.worker.heartbeat' | 'gpu.inputs.there' | 'gpu.task.active' }
>

export async function becomeWorker(line: PeerLine, parts: HubParts, message: RegisterWorker): Promise<void> {
  const { queue, exchange, power, log } = parts
  // A worker of another kind is welcome, gets no renders and is no sign of a GPU (quirk 7).
  const renders = message.capabilities.includes(heygemTaskType)
  const worker = new WorkerOnLine(line, parts)
  line.become({
    name: 'worker',
    take: (said) => worker.take(said),
    async leave() {
      log.warn('worker_left', { worker: line.id })
      worker.leave()
      if (renders) await exchange.leave('workers', line.id)
      await queue.workerLeft(line.id)
    },
  })
  if (renders) await exchange.join('workers', line.id)
  line.send({ type: 'registered', role: 'worker', lease_ms: queue.leaseMs })
  log.info('worker_joined', { worker: line.id, tasks: message.tasks.length })
  const seat = {
    id: line.id,
    slots: renders ? message.slots : 0,
    send: (job: JobSubmit) => {
      worker.give(job)
    },
    cancel: (taskId: string, reason: 'cancelled' | 'lease_lost') => {
      line.send({ type: 'gpu.job.cancel', request_id: taskId, reason })
    },
  }
  for (const { taskId, answer } of await queue.workerJoined(seat, message.tasks)) worker.answer(taskId, answer)
  if (renders) await power.sayOnline('worker')
}

class WorkerOnLine {
  private readonly awaitingAccept = new Map<string, NodeJS.Timeout>()

  constructor(
    private readonly line: PeerLine,
    private readonly parts: HubParts,
  ) {}

  async take(message: HubMessage): Promise<boolean> {
    switch (message.type) {
      case 'gpu.job.result':
      case 'gpu_task_result':
      case 'gpu.task.progress':
      case 'gpu.worker.heartbeat':
      case 'gpu.inputs.there':
      case 'gpu.task.active':
        await this.takeOwn(message)
        return true
      // That it is online was said when it registered.
      case 'gpu.power.online':
        return true
      default:
        return false
    }
  }

  give(job: JobSubmit): void {
    const timer = setTimeout(() => {
      this.parts.log.warn('task_not_accepted', { task: job.request_id, worker: this.line.id })
      this.line.terminate()
    }, this.parts.times.acceptMs)
    this.awaitingAccept.set(job.request_id, timer)
    this.line.send(job)
  }

  answer(taskId: string, answer: ReportAnswer): void {
    if (answer === 'taken') this.line.send({ type: 'gpu.task.ack', task_id: taskId })
    else if (answer === 'notYours') this.line.send({ type: 'gpu.job.cancel', request_id: taskId, reason: 'lease_lost' })
  }

  leave(): void {
    for (const timer of this.awaitingAccept.values()) clearTimeout(timer)
  }

  private async takeOwn(message: FromWorker): Promise<void> {
    const { queue, exchange } = this.parts
    const { id } = this.line
    switch (message.type) {
      case 'gpu.task.progress':
        this.stopAwaiting(message.task_id)
        this.answer(message.task_id, await queue.reported(id, message))
        return
      case 'gpu.job.result':
      case 'gpu_task_result': {
        const by = { worker: id, lease: message.lease }
        this.stopAwaiting(message.request_id)
        if (message.error) await queue.refused(by, message.request_id, message.error_code, message.error_msg ?? 'refused by the worker')
        else this.answer(message.request_id, await queue.accepted(by, message.request_id, message.result?.task_id))
        return
      }
      case 'gpu.worker.heartbeat':
        for (const { task_id, lease } of message.tasks) {
          if (!(await queue.renewed({ worker: id, lease }, task_id))) this.answer(task_id, 'notYours')
        }
        return
      case 'gpu.inputs.there':
        await queue.inputsCame(message.hashes)
        return
      case 'gpu.task.active':
        if ((await exchange.presence()).monitors === 0) return
        await exchange.notice({ type: 'gpu.task.active', task_id: message.task_id, task_type: message.task_type, ts: message.ts })
        return
    }
  }

  private stopAwaiting(taskId: string): void {
    clearTimeout(this.awaitingAccept.get(taskId))
    this.awaitingAccept.delete(taskId)
  }
}
