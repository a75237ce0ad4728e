// Listens on the API's hub (`/dsp`, contract.md §3) for news of the GPU machine's power, while a job waits for it. Hints
// only: with this socket dead everything still finishes. One connection serves all waiting jobs.
import { WebSocket } from 'ws'
import { hubPath, hubText, parseHubMessage, type HubMessage } from '../../src-shared/hub-contract'
import type { PowerStatus } from '../../src-shared/power-contract'
import { delayBefore } from './retry'
import type { Servers } from './servers'
import type { PowerNews, PowerWatch } from './wake-gpu'

export interface HubTimes {
  /** Between two questions for the machine's state; also keeps the connection alive (§3.1: clients ping every 25 s). */
  readonly askMs: number
  /** A machine that is still `stopped` after this long is asked for again: a trigger while it stops is lost (quirk 15). */
  readonly bootAgainMs: number
}

export const hubTimes: HubTimes = { askMs: 10_000, bootAgainMs: 30_000 }

const reconnect = { tries: Number.MAX_SAFE_INTEGER, firstDelayMs: 1_000, maxDelayMs: 30_000 }

/** Makes watches of one hub; the connection lives while at least one watch does. */
export function createPowerWatcher(times: HubTimes = hubTimes): (servers: Servers) => PowerWatch {
  const connections = new Map<string, { readonly line: HubLine; users: number }>()
  return (servers) => {
    const name = `${servers.apiUrl} ${servers.licenseKey}`
    const shared = connections.get(name) ?? { line: openLine(servers, times), users: 0 }
    connections.set(name, shared)
    shared.users++
    let open = true
    return {
      latest: shared.line.latest,
      onNews: shared.line.onNews,
      close: () => {
        if (!open) return
        open = false
        if (--shared.users > 0) return
        connections.delete(name)
        shared.line.close()
      },
    }
  }
}

interface HubLine extends PowerWatch {
  readonly close: () => void
}

function openLine({ apiUrl, licenseKey }: Servers, times: HubTimes): HubLine {
  const listeners = new Set<() => void>()
  let latest: PowerNews | null = null
  let socket: WebSocket | null = null
  let closed = false
  let attempt = 1
  let bootAskedAtMs = -Infinity
  let timer: NodeJS.Timeout | undefined

  const hear = (news: PowerNews): void => {
    const changed = latest?.power !== news.power || latest.trouble !== news.trouble
    latest = news
    if (changed) for (const listener of listeners) listener()
  }
  const send = (message: Parameters<typeof hubText>[0]): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(hubText(message))
  }
  const ask = (): void => {
    send({ type: 'ping' })
    send({ type: 'gpu.status.query', request_id: 'desk' })
  }
  const act = (message: HubMessage): void => {
    const news = newsOf(message)
    if (news === null) return
    hear(news)
    // The deployed monitor throws away what it hears while the machine stops; the queue there says nothing either.
    if (news.power === 'stopped' && Date.now() - bootAskedAtMs >= times.bootAgainMs) {
      bootAskedAtMs = Date.now()
      send({ type: 'gpu.power.boot', request_id: 'desk' })
    }
  }
  const connect = (): void => {
    if (closed) return
    socket = new WebSocket(`${apiUrl.replace(/^http/, 'ws')}${hubPath}`, { followRedirects: false, perMessageDeflate: false, maxPayload: 1024 * 1024, handshakeTimeout: 10_000 })
    socket.on('open', () => {
      attempt = 1
      send({ type: 'register', key: licenseKey, device_type: 'pc' })
      ask()
      timer = setInterval(ask, times.askMs)
    })
    // Whole messages come as one Buffer: ws's default.
    socket.on('message', (data) => {
      const parsed = parseHubMessage(Buffer.isBuffer(data) ? data.toString('utf8') : '')
      if (parsed.ok) act(parsed.message)
    })
    // Told by 'close' as well.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      if (closed) return
      timer = setTimeout(connect, delayBefore(++attempt, reconnect))
      timer.unref()
    })
  }
  connect()
  return {
    latest: () => latest,
    onNews: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => {
      closed = true
      clearTimeout(timer)
      socket?.terminate()
    },
  }
}

/** What a message says of the machine's power; null when nothing. `online` may come before the service is ready (quirk 19). */
function newsOf(message: HubMessage): PowerNews | null {
  const about = (power: PowerStatus, trouble: PowerNews['trouble'] = null): PowerNews => ({ power, trouble })
  switch (message.type) {
    case 'gpu.status.response':
      return about(message.status)
    case 'gpu.power.state':
      return about(message.status, message.error === undefined ? null : 'boot_failed')
    case 'gpu.power.booted':
      return about('starting')
    case 'gpu.power.online':
      return about('running')
    case 'gpu.power.boot.result':
      if (message.success || message.will_retry === true) return null
      return message.status === 'no_monitor' ? about('unknown', 'nobody') : about('stopped', 'boot_failed')
    default:
      return null
  }
}
