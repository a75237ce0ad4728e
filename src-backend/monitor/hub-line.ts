// The monitor's line to the API's hub. It is down now and then; what is said meanwhile is lost, so whoever is told
// something here is told the whole state again when the line is back.
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { hubText, parseHubMessage, type HubMessage, type HubMessageOut } from '../../src-shared/hub-contract'
import { reasonOf, type Log } from '../log'
import type { Demand } from './power'

export interface HubLineTimes {
  /** The first wait before connecting again; doubled each time up to the longest. */
  readonly reconnectMs: number
  readonly longestReconnectMs: number
  readonly pingMs: number
  /** When nothing was heard for so long, not even an answer to a ping, the hub is gone. */
  readonly silenceMs: number
  /** For the answer to a question. */
  readonly answerMs: number
}

export const hubLineTimes: HubLineTimes = {
  reconnectMs: 500,
  longestReconnectMs: 15_000,
  pingMs: 25_000,
  silenceMs: 60_000,
  answerMs: 5000,
}

export interface HubLineParts {
  readonly url: string
  readonly secret: string
  readonly log: Log
  readonly times: HubLineTimes
  readonly onMessage: (message: HubMessage) => void
  /** The hub has let us in. */
  readonly onUp: () => void
}

type DemandAnswer = Extract<HubMessage, { type: 'gpu.task.query.response' }>

export class HubLine {
  private ws: WebSocket | undefined
  private registered = false
  private readonly asked = new Map<string, (answer: DemandAnswer | undefined) => void>()

  constructor(private readonly parts: HubLineParts) {}

  /** Stays connected, or tries to, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, times } = this.parts
    let waitMs = times.reconnectMs
    while (!signal.aborted) {
      const registered = await this.connect(signal)
      if (signal.aborted) return
      waitMs = registered ? times.reconnectMs : Math.min(waitMs * 2, times.longestReconnectMs)
      log.warn('hub_line_down', { registered })
      // Between half and all of it: what lost the hub together does not come back together.
      await wait(waitMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
    }
  }

  isUp(): boolean {
    return this.registered
  }

  /** Lost when the line is down. */
  send(message: HubMessageOut): void {
    if (this.registered && this.ws?.readyState === WebSocket.OPEN) this.ws.send(hubText(message))
  }

  /** `hints`: what the answer is about, for whoever compares. */
  async demand(hints: number): Promise<Demand> {
    if (!this.isUp()) return { kind: 'away' }
    const request_id = randomUUID()
    const answer = await new Promise<DemandAnswer | undefined>((resolve) => {
      const timer = setTimeout(() => {
        resolve(undefined)
      }, this.parts.times.answerMs)
      this.asked.set(request_id, (given) => {
        clearTimeout(timer)
        resolve(given)
      })
      this.send({ type: 'gpu.task.query', request_id })
    })
    this.asked.delete(request_id)
    if (!this.isUp()) return { kind: 'away' }
    if (!answer) return { kind: 'unanswered' }
    const { active_count, has_recent_active, waiting = active_count, running = 0 } = answer
    return { kind: 'known', waiting, active: active_count + running > 0 || has_recent_active, hints }
  }

  /** One connection from its opening to its end; resolves with whether the hub had let us in. */
  private async connect(signal: AbortSignal): Promise<boolean> {
    const { parts } = this
    const ws = new WebSocket(parts.url, { handshakeTimeout: parts.times.silenceMs, maxPayload: 1024 * 1024 })
    this.ws = ws
    const end = (): void => {
      ws.terminate()
    }
    signal.addEventListener('abort', end)
    let silence = setTimeout(end, parts.times.silenceMs)
    const hearing = (): void => {
      clearTimeout(silence)
      silence = setTimeout(end, parts.times.silenceMs)
    }
    const pinging = setInterval(() => {
      this.send({ type: 'ping' })
    }, parts.times.pingMs)
    try {
      await new Promise<void>((resolve) => {
        ws.on('open', () => {
          ws.send(hubText({ type: 'register', role: 'gpu_monitor', secret: parts.secret }))
        })
        ws.on('message', (data, isBinary) => {
          hearing()
          if (!isBinary) this.take((data as Buffer).toString('utf8'))
        })
        ws.on('ping', hearing)
        ws.on('error', (error) => {
          parts.log.warn('hub_line_failed', { reason: reasonOf(error) })
        })
        ws.on('close', () => {
          resolve()
        })
        if (signal.aborted) end()
      })
      return this.registered
    } finally {
      signal.removeEventListener('abort', end)
      clearTimeout(silence)
      clearInterval(pinging)
      this.registered = false
      for (const answer of this.asked.values()) answer(undefined)
    }
  }

  private take(text: string): void {
    const parsed = parseHubMessage(text)
    if (!parsed.ok) {
      this.parts.log.warn('hub_message_unknown', { reason: parsed.reason })
      return
    }
    const { message } = parsed
    if (message.type === 'registered') {
      this.registered = true
      this.parts.log.info('hub_registered')
      this.parts.onUp()
    } else if (message.type === 'gpu.task.query.response') this.asked.get(message.request_id)?.(message)
    else if (message.type === 'ping') this.send({ type: 'pong' })
    else if (message.type === 'error') {
      this.parts.log.warn('hub_said_error', { reason: message.msg })
      if (!this.registered) this.ws?.close()
    } else if (this.registered) this.parts.onMessage(message)
  }
}
