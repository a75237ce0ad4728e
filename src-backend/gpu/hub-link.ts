// The worker's line to the API's hub: takes tasks from it, and tells it how they go. The line may break at any time:
// every task that the hub has not seen the end of is told again when it is back, and the hub may ask again for any.
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import {
  heygemTaskType,
  hubText,
  isWholeJob,
  parseHubMessage,
  type HubMessageOut,
  type JobSubmit,
  type TaskReport,
} from '../../src-shared/hub-contract'
import { normaliseHash } from '../input-names'
import { reasonOf, type Log } from '../log'
import { InputMissing, OrderConflict, takeOrder, type OrderParts, type TakenOrder } from './take-order'
import type { GpuTask } from './task-table'
import { toProgress } from './task-wire'

export interface HubLinkParts extends OrderParts {
  readonly url: string
  readonly secret: string
  readonly log: Log
  readonly times: HubLinkTimes
}

export interface HubLinkTimes {
  /** The first wait before connecting again; doubled each time up to the longest. */
  readonly reconnectMs: number
  readonly longestReconnectMs: number
  /** The hub pings; when it has been silent for so long it is gone. */
  readonly silenceMs: number
  /** Progress of a running task is told this often; changes of state at once. */
  readonly progressMs: number
  /** Leases are renewed this often, or three times in a lease where the hub's are short. */
  readonly heartbeatMs: number
  /** A running task keeps the GPU machine awake. */
  readonly activeMs: number
  /** Files that a refused task lacked are looked for this often. */
  readonly lookMs: number
}

export const hubLinkTimes: HubLinkTimes = {
  reconnectMs: 500,
  longestReconnectMs: 15_000,
  silenceMs: 50_000,
  progressMs: 500,
  heartbeatMs: 5_000,
  activeMs: 20_000,
  lookMs: 1_000,
}

/** Stays connected, or tries to, until the signal aborts. */
export async function runHubLink(parts: HubLinkParts, signal: AbortSignal): Promise<void> {
  const { log, times } = parts
  let waitMs = times.reconnectMs
  while (!signal.aborted) {
    const line = new Line(parts)
    const registered = await line.run(signal)
    if (signal.aborted) return
    waitMs = registered ? times.reconnectMs : Math.min(waitMs * 2, times.longestReconnectMs)
    log.warn('hub_line_down', { registered })
    // Between half and all of it: workers that lost the hub together do not come back together.
    await wait(waitMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
  }
}

/** One connection from its opening to its end. */
class Line {
  private readonly ws: WebSocket
  private registered = false
  private silence: NodeJS.Timeout | undefined
  private renewing: NodeJS.Timeout | undefined
  private handling: Promise<void> = Promise.resolve()
  private readonly dirty = new Set<string>()
  private readonly toldState = new Map<string, GpuTask['state']['kind']>()
  /** What tasks lacked that the hub offered. */
  private readonly wanted = new Set<string>()

  constructor(private readonly parts: HubLinkParts) {
    this.ws = new WebSocket(parts.url, { handshakeTimeout: parts.times.silenceMs, maxPayload: 1024 * 1024 })
  }

  /** Resolves at its end with whether the hub had let it in. */
  async run(signal: AbortSignal): Promise<boolean> {
    const { ws, parts } = this
    const end = (): void => {
      ws.terminate()
    }
    signal.addEventListener('abort', end)
    const unsubscribe = parts.tasks.subscribe((task) => {
      this.onTask(task)
    })
    const timers = [
      setInterval(() => {
        this.tellDirty()
      }, parts.times.progressMs),
      setInterval(() => {
        this.tellActive()
      }, parts.times.activeMs),
      setInterval(() => {
        if (this.wanted.size > 0) this.inTurn(() => this.lookForWanted())
      }, parts.times.lookMs),
    ]
    this.hearing()
    try {
      await new Promise<void>((resolve) => {
        ws.on('open', () => {
          this.register()
        })
        ws.on('message', (data, isBinary) => {
          this.hearing()
          if (!isBinary) this.inTurn(() => this.take((data as Buffer).toString('utf8')))
        })
        ws.on('ping', () => {
          this.hearing()
        })
        ws.on('error', (error) => {
          parts.log.warn('hub_line_failed', { reason: reasonOf(error) })
        })
        ws.on('close', () => {
          resolve()
        })
        if (signal.aborted) end()
      })
      await this.handling
      return this.registered
    } finally {
      signal.removeEventListener('abort', end)
      unsubscribe()
      for (const timer of [...timers, this.renewing]) clearInterval(timer)
      clearTimeout(this.silence)
    }
  }

  private hearing(): void {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => {
      this.ws.terminate()
    }, this.parts.times.silenceMs)
  }

  private inTurn(step: () => Promise<void>): void {
    this.handling = this.handling.then(step).catch((error: unknown) => {
      this.parts.log.error('hub_message_failed', { reason: reasonOf(error) })
      this.ws.terminate()
    })
  }

  private register(): void {
    const { secret, tasks } = this.parts
    const untold = tasks.untold()
    for (const task of untold) this.toldState.set(task.id, task.state.kind)
    this.send({
      type: 'register',
      role: 'worker',
      secret,
      capabilities: [heygemTaskType],
      slots: 1,
      tasks: untold.map((task) => this.reportOf(task)),
    })
  }

  private async take(text: string): Promise<void> {
    const parsed = parseHubMessage(text)
    if (!parsed.ok) {
      this.parts.log.warn('hub_message_unknown', { reason: parsed.reason })
      return
    }
    const { message } = parsed
    if (message.type === 'registered') {
      this.registered = true
      const beatMs = Math.min(this.parts.times.heartbeatMs, (message.lease_ms ?? Infinity) / 3)
      clearInterval(this.renewing)
      this.renewing = setInterval(() => {
        this.renewLeases()
      }, beatMs)
      this.parts.log.info('hub_registered')
    } else if (message.type === 'gpu.job.submit') {
      if (isWholeJob(message)) await this.takeJob(message)
      else this.parts.log.warn('hub_message_unknown', { reason: 'a job without id or payload' })
    } else if (message.type === 'gpu.task.ack') await this.parts.tasks.markTold(message.task_id)
    else if (message.type === 'gpu.job.cancel') {
      this.parts.log.info('hub_cancelled', { task: message.request_id, reason: message.reason })
      await this.parts.tasks.cancel(message.request_id)
    } else if (message.type === 'ping') this.send({ type: 'pong' })
    else if (message.type === 'error') {
      this.parts.log.warn('hub_said_error', { reason: message.msg })
      if (!this.registered) this.ws.close()
    }
  }

  private async takeJob(job: JobSubmit): Promise<void> {
    const reply = { type: 'gpu.job.result', task_type: job.task_type, request_id: job.request_id } as const
    const context = { key: job.key, sender_fd: job.sender_fd, ...(job.lease !== undefined && { lease: job.lease }) }
    const refuse = (error_msg: string, error_code: string): void => {
      this.send({ ...reply, ...context, error: true, error_msg, error_code })
    }
    if (job.task_type !== heygemTaskType) {
      refuse(`this worker does not do ${job.task_type}`, 'engine_failed')
      return
    }
    const audioHash = normaliseHash(job.payload.audio_hash)
    const videoHash = normaliseHash(job.payload.video_hash)
    if (audioHash === undefined || videoHash === undefined) {
      refuse('the hashes of the inputs are missing', 'input_missing')
      return
    }
    let taken: TakenOrder
    try {
      taken = await takeOrder(this.parts, {
        hubId: job.request_id,
        lease: job.lease,
        owner: job.key,
        clientTaskId: job.payload.client_task_id,
        inputs: { audioHash, videoHash },
      })
    } catch (error) {
      if (error instanceof InputMissing) {
        this.want(audioHash, videoHash)
        refuse(error.message, 'input_missing')
      } else if (error instanceof OrderConflict) refuse(error.message, 'engine_failed')
      else throw error
      return
    }
    this.send({ ...reply, ...context, error: false, result: { task_id: taken.task.id } })
    // A task asked for again may have ended long ago: say how it is.
    this.tell(this.parts.tasks.find(taken.task.id) ?? taken.task)
  }

  private want(...hashes: readonly string[]): void {
    for (const hash of hashes) this.wanted.add(hash)
  }

  private async lookForWanted(): Promise<void> {
    const there: string[] = []
    for (const hash of this.wanted) if (await this.parts.files.use(hash)) there.push(hash)
    for (const hash of there) this.wanted.delete(hash)
    if (there.length > 0) this.send({ type: 'gpu.inputs.there', hashes: there })
  }

  private renewLeases(): void {
    if (!this.registered) return
    const tasks = this.parts.tasks.untold().map(({ id, hubId, lease }) => ({ task_id: hubId ?? id, ...(lease !== undefined && { lease }) }))
    if (tasks.length > 0) this.send({ type: 'gpu.worker.heartbeat', tasks })
  }

  private tellActive(): void {
    if (!this.registered) return
    for (const { id, hubId, state } of this.parts.tasks.all()) {
      if (state.kind !== 'running') continue
      this.send({ type: 'gpu.task.active', task_id: hubId ?? id, task_type: heygemTaskType, ts: Math.floor(Date.now() / 1000) })
    }
  }

  private onTask(task: GpuTask): void {
    if (task.hubId === undefined || !this.registered || task.state.kind === 'cancelled') return
    if (task.state.kind === 'failed' && task.state.code === 'input_missing') this.want(task.inputs.audioHash, task.inputs.videoHash)
    if (this.toldState.get(task.id) === task.state.kind) this.dirty.add(task.id)
    else this.tell(task)
  }

  private tellDirty(): void {
    const ids = [...this.dirty]
    this.dirty.clear()
    for (const id of ids) {
      const task = this.parts.tasks.find(id)
      if (task && task.state.kind === 'running') this.tell(task)
    }
  }

  private tell(task: GpuTask): void {
    this.toldState.set(task.id, task.state.kind)
    this.send({ type: 'gpu.task.progress', ...this.reportOf(task) })
  }

  private reportOf(task: GpuTask): TaskReport {
    const { engine, tasks } = this.parts
    const { status, progress, message, total_frames, current_frame, queue_position, error, error_code } = toProgress(
      task,
      tasks,
      engine.name,
    )
    return {
      task_id: task.hubId ?? task.id,
      ...{ status, progress, message, total_frames, current_frame, queue_position, error },
      ...(error_code !== undefined && { error_code }),
      ...(task.lease !== undefined && { lease: task.lease }),
      ...(task.hubId !== undefined && task.hubId !== task.id && { gpu_task_id: task.id }),
      engine: engine.name,
      ...(task.hubId !== undefined && task.hubId !== task.id && { gpu_task_id: task.id }),
    }
  }

  private send(message: HubMessageOut): void {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(hubText(message))
  }
}
