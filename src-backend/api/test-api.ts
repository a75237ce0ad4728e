// An API server for tests: the real rooms on a folder and a port of its own, and a worker that the test plays itself.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { heygemTaskType, type HubMessageOut } from '../../src-shared/hub-contract'
import { FileStore } from '../files/file-store'
import { listen } from '../listen'
import { createLog } from '../log'
import { askServer, type TestReply } from '../test-http'
import type { Exchange } from './exchange'
import { MemoryExchange } from './exchange-memory'
import { openHub } from './hub'
import { hubTimes, type HubTimes } from './hub-peer'
import { inputsThere } from './input-routes'
import { Licenses } from './licenses'
import { PowerDesk } from './power-desk'
import { createApiServer } from './server'
import type { TaskStore } from './store'
import { MemoryTaskStore } from './store-memory'
import { queueTimes, type QueueTimes } from './queue-parts'
import { TaskQueue } from './task-queue'

export const workerSecret = 'the worker secret'
const monitorSecret = 'the monitor secret'
const testTimes: QueueTimes = { ...queueTimes, leaseMs: 60_000, queueTtlMs: 86_400_000, sweepMs: 5 }

export interface TestApiOptions {
  readonly secret?: string
  readonly times?: Partial<HubTimes & QueueTimes>
  readonly waitingLimit?: number
  /** Given, tasks wait until both their files are there. */
  readonly filesDir?: string
  readonly maxUploadBytes?: number
  readonly inputsThere?: () => Promise<boolean | undefined>
  /** Instead of memory. */
  readonly services?: { readonly store: TaskStore; readonly exchange: Exchange }
  /** A folder and a port that stay, for a second start. */
  readonly dir?: string
  readonly port?: number
}

export type TestApi = Awaited<ReturnType<typeof startTestApi>>

export async function startTestApi(options: TestApiOptions = {}) {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'api-')))
  const said: string[] = []
  const log = createLog((line) => said.push(line))
  const licenses = Licenses.load({ licenseFile: undefined, licenseKeys: ['K1', 'K2'], secret: options.secret ?? '' })
  const store = options.services?.store ?? (await MemoryTaskStore.open(dir, log))
  const exchange = options.services?.exchange ?? new MemoryExchange(Date.now)
  const files = await FileStore.open(options.filesDir ?? join(dir, 'files'))
  const power = new PowerDesk({ exchange, log, now: Date.now })
  const queue = new TaskQueue({
    ...{ store, exchange, log, now: Date.now, waitingLimit: options.waitingLimit ?? 100 },
    times: { ...testTimes, ...options.times },
    ...(options.filesDir !== undefined && { inputsThere: (inputs) => inputsThere(files, inputs) }),
    ...(options.inputsThere && { inputsThere: options.inputsThere }),
  })
  files.subscribe((hash) => {
    void queue.inputsCame([hash])
  })
  const limits = { maxBytes: options.maxUploadBytes ?? Number.MAX_SAFE_INTEGER, idleMs: 10_000 }
  const server = createApiServer({ licenses, queue, power, inputs: { files, limits }, workerSecret, log })
  const hub = openHub(server.server, {
    ...{ queue, exchange, power, licenses, log, workerSecret, monitorSecret },
    times: { ...hubTimes, ...options.times },
  })
  const url = await listen(server, '127.0.0.1', options.port ?? 0)
  const hubUrl = `${url.replace('http', 'ws')}/dsp`

  const licensed = { Authorization: 'Bearer K1', 'X-Machine-Code': 'MC' }
  const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<TestReply> =>
    askServer(method, `${url}/api/heygem/${path}`, body, { ...licensed, ...headers })
  const order = { audio_hash: 'a'.repeat(32), video_hash: 'b'.repeat(32) }
  const submit = (more: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
    ask('POST', 'task/submit', { ...order, ...more }, headers)
  const status = async (id: string, headers: Record<string, string> = {}): Promise<Record<string, unknown>> => {
    const { json } = (await ask('GET', `task/status?task_id=${id}`, undefined, headers)) as { json: { data: Record<string, unknown> } }
    return json.data
  }
  /** Asks until the status is as wanted. */
  const until = async (id: string, wanted: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const data = await status(id)
      if (data.status === wanted) return data
    }
  }
  const stop = async (): Promise<void> => {
    await hub.close()
    await server.close()
    await queue.close()
    await exchange.close()
    await store.close()
  }
  return {
    ...{ dir, url, hubUrl, said, log, store, queue, ask, submit, status, until, stop },
    port: Number(new URL(url).port),
    async remove() {
      await stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** One end of the hub's conversation, read message by message. */
export class TestPeer {
  private readonly heard: Record<string, unknown>[] = []
  private readonly waiting: ((message: Record<string, unknown>) => void)[] = []
  readonly closed: Promise<number>

  private constructor(readonly ws: WebSocket) {
    this.closed = new Promise((resolve) => ws.once('close', resolve))
    ws.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString()) as Record<string, unknown>
      const taker = this.waiting.shift()
      if (taker) taker(message)
      else this.heard.push(message)
    })
  }

  static async connect(url: string, options: { readonly autoPong?: boolean } = {}): Promise<TestPeer> {
    const ws = new WebSocket(url, options)
    const peer = new TestPeer(ws)
    await new Promise((resolve, reject) => {
      ws.once('open', resolve)
      ws.once('error', reject)
    })
    return peer
  }

  /** Registered, with the greetings read. */
  static async worker(url: string, more: Partial<Extract<HubMessageOut, { role: 'worker' }>> = {}): Promise<TestPeer> {
    const peer = await TestPeer.connect(url)
    peer.send({ type: 'register', role: 'worker', secret: workerSecret, capabilities: [heygemTaskType], ...more })
    await peer.expect('connected')
    await peer.expect('registered')
    return peer
  }

  /** Registered, with the greetings read. */
  static async monitor(url: string): Promise<TestPeer> {
    const peer = await TestPeer.connect(url)
    peer.send({ type: 'register', role: 'gpu_monitor', secret: monitorSecret })
    await peer.expect('connected')
    await peer.expect('registered')
    return peer
  }

  /** Registered, with the greetings read. */
  static async client(url: string, key = 'K1'): Promise<TestPeer> {
    const peer = await TestPeer.connect(url)
    peer.send({ type: 'register', key })
    await peer.expect('connected')
    await peer.expect('registered')
    return peer
  }

  send(message: HubMessageOut | string): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  next(): Promise<Record<string, unknown>> {
    const message = this.heard.shift()
    return message ? Promise.resolve(message) : new Promise((resolve) => this.waiting.push(resolve))
  }

  /** The next message, which must be of this type. */
  async expect(type: string): Promise<Record<string, unknown>> {
    const message = await this.next()
    if (message.type !== type) throw new Error(`expected ${type}, heard ${JSON.stringify(message)}`)
    return message
  }

  /** The next message of this type; others before it are passed over. */
  async until(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const message = await this.next()
      if (message.type === type) return message
    }
  }

  /** Takes the next job; answers its id. */
  async accept(): Promise<string> {
    return (await this.acceptJob()).id
  }

  async acceptJob(): Promise<{ readonly id: string; readonly lease: string }> {
    const job = await this.expect('gpu.job.submit')
    const [id, lease] = [job.request_id as string, job.lease as string]
    this.send({ type: 'gpu.job.result', task_type: heygemTaskType, request_id: id, lease, result: { task_id: id } })
    return { id, lease }
  }

  close(): Promise<number> {
    this.ws.close()
    return this.closed
  }
}
