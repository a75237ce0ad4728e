// The `/dsp` WebSocket: who is connected, whether they are still there, and what they say, handed on to the queue. A
// worker proves itself with the worker secret in its first message; who has not registered is only answered pings.
import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import { assertNever } from '../../src-shared/errors'
import {
  heygemTaskType,
  hubPath,
  hubText,
  parseHubMessage,
  type HubMessage,
  type HubMessageOut,
  type JobSubmit,
  type RegisterWorker,
} from '../../src-shared/hub-contract'
import { reasonOf, type Log } from '../log'
import { sameSecret } from '../secrets'
import type { TaskQueue } from './task-queue'

export interface HubParts {
  readonly queue: TaskQueue
  readonly log: Log
  readonly workerSecret: string
  readonly times: HubTimes
}

export interface HubTimes {
  /** Between two pings; a peer that was silent since the last one is dropped. */
  readonly pingMs: number
  /** A worker that has not taken a task in this time is dropped, and its tasks go elsewhere. */
  readonly acceptMs: number
}

export const hubTimes: HubTimes = { pingMs: 20_000, acceptMs: 15_000 }

const messageLimitBytes = 4 * 1024 * 1024

export interface Hub {
  /** Resolves when what was said before is dealt with. */
  close(): Promise<void>
}

export function openHub(server: Server, parts: HubParts): Hub {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: messageLimitBytes })
  const peers = new Set<Peer>()
  let nextFd = 1
  server.on('upgrade', (request, socket, head) => {
    if ((request.url ?? '').split('?', 1)[0] !== hubPath) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const peer = new Peer(ws, nextFd++, parts)
      peers.add(peer)
      ws.once('close', () => peers.delete(peer))
    })
  })
  const pinging = setInterval(() => {
    for (const peer of peers) peer.checkAlive()
  }, parts.times.pingMs)
  return {
    async close() {
      clearInterval(pinging)
      sockets.close()
      await Promise.all([...peers].map((peer) => peer.drop()))
    },
  }
}

/** One connection. Its messages are handled one after another, in the order in which they came. */
class Peer {
  /** Unlike an fd, never used again (quirk 39). */
  private readonly id = randomUUID()
  private alive = true
  private isWorker = false
  private handling: Promise<void> = Promise.resolve()
  private readonly awaitingAccept = new Map<string, NodeJS.Timeout>()

  constructor(
    private readonly ws: WebSocket,
    fd: number,
    private readonly parts: HubParts,
  ) {
    ws.on('message', (data, isBinary) => {
      this.alive = true
      // The library's default hands over a Buffer.
      const text = isBinary ? '' : (data as Buffer).toString('utf8')
      this.inTurn(() => this.take(text))
    })
    ws.on('pong', () => {
      this.alive = true
    })
    ws.on('error', () => {
      ws.terminate()
    })
    ws.once('close', () => {
      for (const timer of this.awaitingAccept.values()) clearTimeout(timer)
      this.inTurn(() => this.leave())
    })
    this.send({ type: 'connected', fd })
  }

  checkAlive(): void {
    if (!this.alive) {
      this.parts.log.warn('peer_silent', { worker: this.isWorker })
      this.ws.terminate()
      return
    }
    this.alive = false
    this.ws.ping()
  }

  async drop(): Promise<void> {
    const closed = new Promise((resolve) => this.ws.once('close', resolve))
    this.ws.terminate()
    await closed
    await this.handling
  }

  private inTurn(step: () => Promise<void>): void {
    this.handling = this.handling.then(step).catch((error: unknown) => {
      this.parts.log.error('message_failed', { reason: reasonOf(error) })
      this.ws.terminate()
    })
  }

  private async take(text: string): Promise<void> {
    const parsed = parseHubMessage(text)
    if (!parsed.ok) {
      this.refuse(parsed.reason)
      return
    }
    const { message } = parsed
    switch (message.type) {
      case 'ping':
        this.send({ type: 'pong' })
        return
      case 'pong':
        return
      case 'register':
        if (message.role === 'worker') await this.register(message)
        else this.refuse('no monitor can register here')
        return
      case 'gpu.job.result':
      case 'gpu_task_result':
      case 'gpu.task.progress':
        if (this.isWorker) await this.takeFromWorker(message)
        else this.refuse('not registered')
        return
      case 'connected':
      case 'registered':
      case 'gpu.job.submit':
      case 'gpu.task.ack':
      case 'gpu.power.boot':
      case 'gpu.power.boot.result':
      case 'gpu.power.booted':
      case 'gpu.power.online':
      case 'gpu.power.state':
      case 'gpu.status.query':
      case 'gpu.status.response':
      case 'gpu.task.active':
      case 'gpu.task.query':
      case 'gpu.task.query.response':
      case 'error':
        this.refuse(`not for the server: ${message.type}`)
        return
      default:
        assertNever(message)
    }
  }

  private async register(message: RegisterWorker): Promise<void> {
    const { queue, log, workerSecret } = this.parts
    if (!sameSecret(message.secret, workerSecret)) {
      log.warn('worker_refused')
      this.refuse('the worker secret is missing or wrong')
      return
    }
    if (this.isWorker) {
      this.refuse('registered already')
      return
    }
    this.isWorker = true
    this.send({ type: 'registered', role: 'worker' })
    log.info('worker_joined', { worker: this.id, tasks: message.tasks.length })
    const worker = {
      id: this.id,
      // A worker of another kind is welcome, and gets no renders (quirk 7).
      slots: message.capabilities.includes(heygemTaskType) ? message.slots : 0,
      send: (job: JobSubmit) => {
        this.sendJob(job)
      },
    }
    for (const taskId of await queue.workerJoined(worker, message.tasks)) this.send({ type: 'gpu.task.ack', task_id: taskId })
  }

  private async takeFromWorker(
    message: Extract<HubMessage, { type: 'gpu.job.result' | 'gpu_task_result' | 'gpu.task.progress' }>,
  ): Promise<void> {
    const { queue } = this.parts
    if (message.type === 'gpu.task.progress') {
      this.stopAwaiting(message.task_id)
      if (await queue.reported(this.id, message)) this.send({ type: 'gpu.task.ack', task_id: message.task_id })
      return
    }
    this.stopAwaiting(message.request_id)
    if (message.error) {
      await queue.refused(this.id, message.request_id, message.error_code, message.error_msg ?? 'refused by the worker')
    } else {
      await queue.accepted(this.id, message.request_id, message.result?.task_id)
    }
  }

  private async leave(): Promise<void> {
    if (!this.isWorker) return
    this.parts.log.warn('worker_left', { worker: this.id })
    await this.parts.queue.workerLeft(this.id)
  }

  private sendJob(job: JobSubmit): void {
    const timer = setTimeout(() => {
      this.parts.log.warn('task_not_accepted', { task: job.request_id, worker: this.id })
      this.ws.terminate()
    }, this.parts.times.acceptMs)
    this.awaitingAccept.set(job.request_id, timer)
    this.send(job)
  }

  private stopAwaiting(taskId: string): void {
    clearTimeout(this.awaitingAccept.get(taskId))
    this.awaitingAccept.delete(taskId)
  }

  private refuse(reason: string): void {
    this.send({ type: 'error', msg: reason, message: reason })
  }

  private send(message: HubMessageOut): void {
    if (this.ws.readyState === this.ws.OPEN) this.ws.send(hubText(message))
  }
}
