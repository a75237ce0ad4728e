// `/ws/progress/<task_id>` (contract.md §1.1): the progress of one task, told as it changes until it ends. Its frames are
// what HTTP progress answers; a watcher that goes away changes nothing.
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { WebSocketServer, type WebSocket } from 'ws'
import { gpuPaths, type GpuProgress } from '../../src-shared/gpu-contract'
import { bearerOf, sameSecret } from '../secrets'
import type { Engine } from './engine'
import type { TaskTable } from './task-table'
import { toProgressReply } from './task-wire'

export interface ProgressSocketParts {
  readonly engine: Engine
  readonly tasks: TaskTable
  /** '' where no secret is configured. */
  readonly secret: string
  readonly times?: { readonly frameMs: number; readonly pingMs: number }
}

/** Frames of a render are told this often; a change of status at once. The deployed server looks once a second. */
const socketTimes = { frameMs: 250, pingMs: 25_000 }

const messageLimitBytes = 4096

export function addProgressSockets(server: FastifyInstance, parts: ProgressSocketParts): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: messageLimitBytes })
  server.server.on('upgrade', (request, socket, head) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const id = path.startsWith(`${gpuPaths.progressSocket}/`) ? decode(path.slice(gpuPaths.progressSocket.length + 1).replace(/\/$/, '')) : ''
    if (id === '' || id.includes('/')) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    // Refusals are frames as well: clients of the deployed server read nothing else.
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => {
        ws.terminate()
      })
      if (!isAllowed(request, parts.secret)) endWith(ws, { code: 401, msg: 'unauthorized: the secret is missing or wrong' })
      else watch(ws, id, parts)
    })
  })
  server.addHook('preClose', async () => {
    for (const ws of sockets.clients) ws.terminate()
    sockets.close()
  })
}

/** In the query as older clients send it, though never in a log; or in the header where the client can send one. */
function isAllowed(request: IncomingMessage, secret: string): boolean {
  if (secret === '') return true
  const header = request.headers.authorization ?? ''
  const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '')
  return [bearerOf(header) || header.trim(), query.get('token') ?? ''].some((given) => given !== '' && sameSecret(given, secret))
}

function watch(ws: WebSocket, id: string, { tasks, engine, times = socketTimes }: ProgressSocketParts): void {
  let last: GpuProgress | undefined
  let alive = true
  const look = (): void => {
    if (ws.readyState !== ws.OPEN) return
    const task = tasks.find(id)
    if (!task) {
      endWith(ws, { code: 404, msg: 'the task is unknown' })
      return
    }
    const data = toProgressReply(task, id, tasks, engine.name)
    const ended = data.status === 'done' || data.status === 'error' || data.status === 'cancelled'
    if (ended) endWith(ws, { code: 0, data })
    else if (!last || hasMoved(last, data)) ws.send(JSON.stringify({ code: 0, data }))
    last = data
  }
  // What the task is by now: between a change and the frame about it there may have been another.
  const unsubscribe = tasks.subscribe((task) => {
    if (task.id === tasks.find(id)?.id && task.state.kind !== stateSeen) {
      stateSeen = task.state.kind
      look()
    }
  })
  let stateSeen = tasks.find(id)?.state.kind
  const looking = setInterval(look, times.frameMs)
  const pinging = setInterval(() => {
    if (!alive) ws.terminate()
    alive = false
    ws.ping()
  }, times.pingMs)
  ws.on('pong', () => (alive = true))
  ws.on('message', () => (alive = true))
  ws.on('close', () => {
    unsubscribe()
    clearInterval(looking)
    clearInterval(pinging)
  })
  look()
}

const hasMoved = (before: GpuProgress, now: GpuProgress): boolean =>
  before.status !== now.status || before.progress !== now.progress || before.current_frame !== now.current_frame

function endWith(ws: WebSocket, frame: object): void {
  ws.send(JSON.stringify(frame))
  ws.close(1000)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
