// The `/dsp` WebSocket: who is connected, whether they are still there, and what they say, handed on to what they are
// (hub-roles.ts). Each proves itself in its first message; who has not is only answered pings and questions for the power.
import type { Server } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import { hubPath, hubText, parseHubMessage, type HubMessage, type HubMessageOut } from '../../src-shared/hub-contract'
import { reasonOf } from '../log'
import type { News } from './exchange'
import type { HubParts, PeerLine, PeerRole } from './hub-peer'
import { visitor } from './hub-roles'

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
  const bring = (news: News): void => {
    parts.queue.heard(news)
    if (news.type === 'noticed') bringNotices(peers, parts)
    else if (news.type === 'said') for (const peer of peers) peer.hear(news)
  }
  parts.exchange.listen(bring)
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

/** Only a process that has a monitor takes them. */
function bringNotices(peers: ReadonlySet<Peer>, { exchange, log }: HubParts): void {
  const monitors = [...peers].filter((peer) => peer.isMonitor)
  if (monitors.length === 0) return
  exchange
    .takeNotices()
    .then((notices) => {
      for (const monitor of monitors) for (const notice of notices) monitor.send(notice)
    })
    .catch((error: unknown) => {
      log.warn('notices_not_taken', { reason: reasonOf(error) })
    })
}

/** One connection. Its messages are handled one after another, in the order in which they came. */
class Peer implements PeerLine {
  readonly id: string
  private alive = true
  private role: PeerRole
  private handling: Promise<void> = Promise.resolve()

  constructor(
    private readonly ws: WebSocket,
    fd: number,
    private readonly parts: HubParts,
  ) {
    this.id = parts.exchange.connectionId()
    this.role = visitor(this, parts)
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
      this.inTurn(() => this.role.leave())
    })
    this.send({ type: 'connected', fd })
  }

  get isMonitor(): boolean {
    return this.role.name === 'gpu_monitor'
  }

  become(role: PeerRole): void {
    this.role = role
  }

  hear({ to, messages }: Extract<News, { type: 'said' }>): void {
    const isForMe = to === 'all' ? this.role.name === 'client' : 'peer' in to ? to.peer === this.id : to.owner === this.role.owner
    if (isForMe) for (const message of messages) this.send(message)
  }

  checkAlive(): void {
    if (!this.alive) {
      this.parts.log.warn('peer_silent', { role: this.role.name })
      this.ws.terminate()
      return
    }
    this.alive = false
    this.ws.ping()
  }

  terminate(): void {
    this.ws.terminate()
  }

  async drop(): Promise<void> {
    const closed = new Promise((resolve) => this.ws.once('close', resolve))
    this.ws.terminate()
    await closed
    await this.handling
  }

  /** Many clients read `msg`, the PC `message` (quirk 50). */
  refuse(reason: string, more: { readonly request_id?: string; readonly task_type?: string; readonly reason?: string } = {}): void {
    this.send({ type: 'error', msg: reason, message: reason, ...more })
  }

  send(message: HubMessageOut): void {
    if (this.ws.readyState === this.ws.OPEN) this.ws.send(hubText(message))
  }

  private inTurn(step: () => Promise<void>): void {
    this.handling = this.handling.then(step).catch((error: unknown) => {
      // Whoever it is comes again and says again what was not taken down.
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
    if (message.type === 'ping') this.send({ type: 'pong' })
    else if (message.type !== 'pong') await this.takeAs(message)
  }

  private async takeAs(message: HubMessage): Promise<void> {
    if (message.type === 'register' && this.role.name !== 'visitor') this.refuse('registered already')
    else if (!(await this.role.take(message))) this.refuse(refusalOf(message, this.role))
  }
}

function refusalOf(message: HubMessage, role: PeerRole): string {
  if (serverOnly.has(message.type)) return `not for the server: ${message.type}`
  return role.name === 'visitor' ? 'not registered' : `not for a ${role.name} to say: ${message.type}`
}

/** What only the server says. */
const serverOnly: ReadonlySet<HubMessage['type']> = new Set<HubMessage['type']>([
  ...(['connected', 'registered', 'gpu.job.cancel', 'gpu.task.ack', 'ack', 'gpu_online', 'gpu.power.offline'] as const),
  ...(['gpu_offline', 'gpu.task.query.response', 'error'] as const),
])
