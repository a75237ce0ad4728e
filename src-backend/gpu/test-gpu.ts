// A GPU server for tests: the real rooms on a folder of its own and a port of its own, with an engine that the test
// drives, or any other.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../log'
import { listen } from '../listen'
import { askServer, type TestReply } from '../test-http'
import { md5Of } from '../test-media'
import type { Engine, EngineState, RenderRequest } from './engine'
import type { InputSource } from './fetch-input'
import { FileStore } from '../files/file-store'
import { ResultStore } from './result-store'
import { createGpuServer } from './server'
import { TaskTable } from './task-table'
import { runWorker } from './worker'

/** One render that waits for the test to say how it goes on. */
export interface HeldRender {
  readonly request: RenderRequest
  finish(content?: string): Promise<void>
  fail(error: Error): void
}

/** Renders when the test says so. */
export class HandEngine implements Engine {
  readonly name = 'hand'
  readonly version = 'hand-1'
  current: EngineState = { ready: true }
  readonly rendered: string[] = []
  private readonly held: HeldRender[] = []
  private readonly takers: ((render: HeldRender) => void)[] = []

  prepare(): Promise<void> {
    return this.current.ready ? Promise.resolve() : Promise.reject(new Error(this.current.reason))
  }

  state(): EngineState {
    return this.current
  }

  render(request: RenderRequest): Promise<void> {
    this.rendered.push(request.taskId)
    return new Promise((resolve, reject) => {
      const render: HeldRender = {
        request,
        finish: async (content = 'a rendered video') => {
          await writeFile(request.output, content)
          resolve()
        },
        fail: reject,
      }
      request.signal.addEventListener('abort', () => {
        reject(new Error('aborted'))
      })
      const taker = this.takers.shift()
      if (taker) taker(render)
      else this.held.push(render)
    })
  }

  /** The next render, when it has begun. */
  next(): Promise<HeldRender> {
    const render = this.held.shift()
    return render ? Promise.resolve(render) : new Promise((resolve) => this.takers.push(resolve))
  }
}

export interface TestGpuOptions {
  readonly engine?: Engine
  readonly secret?: string
  readonly maxUploadBytes?: number
  /** Where the hub's tasks get inputs from that are not here. */
  readonly inputs?: InputSource
  /** A folder that stays, for a second start. */
  readonly dir?: string
}

export type TestGpu = Awaited<ReturnType<typeof startTestGpu>>

export async function startTestGpu(options: TestGpuOptions = {}) {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'gpu-')))
  const said: string[] = []
  const log = createLog((line) => said.push(line))
  const files = await FileStore.open(dir)
  const results = await ResultStore.open(join(dir, 'results'))
  const tasks = await TaskTable.open(join(dir, 'tasks.jsonl'), log)
  const hand = new HandEngine()
  const engine = options.engine ?? hand
  const uploadLimits = { maxBytes: options.maxUploadBytes ?? Number.MAX_SAFE_INTEGER, idleMs: 10_000 }
  const server = createGpuServer({ engine, files, results, tasks, log, secret: options.secret ?? '', uploadLimits })
  const url = await listen(server, '127.0.0.1', 0)
  const stopping = new AbortController()
  const parts = { engine, files, inputs: options.inputs, results, tasks, log, onEngineReady: () => undefined, prepareAgainMs: 5 }
  const working = runWorker(parts, stopping.signal)
  const headers: Record<string, string> = options.secret ? { Authorization: `Bearer ${options.secret}` } : {}

  const ask = (method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<TestReply> =>
    askServer(method, `${url}/api/heygem/${path}`, body, { ...headers, ...more })
  const upload = (content: string | Buffer, fields: Record<string, string>, fieldsFirst = true, name = 'a.mp4') => {
    const form = new FormData()
    const addFields = (): void => {
      for (const [key, value] of Object.entries(fields)) form.append(key, value)
    }
    if (fieldsFirst) addFields()
    form.append('file', new Blob([new Uint8Array(Buffer.from(content))]), name)
    if (!fieldsFirst) addFields()
    return ask('POST', 'upload_file', form)
  }
  /** Uploads two files and orders a render of them. */
  const submit = async (more: Record<string, unknown> = {}, audio = 'audio', video = 'video') => {
    await upload(audio, { hash: md5Of(audio), ext: '.wav' })
    await upload(video, { hash: md5Of(video), ext: '.mp4' })
    return ask('POST', 'submit', { audio_hash: md5Of(audio), video_hash: md5Of(video), ...more })
  }
  /** Resolves when a task is as wanted. */
  const until = (id: string, kind: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (tasks.find(id)?.state.kind !== kind) return
        unsubscribe()
        resolve()
      }
      const unsubscribe = tasks.subscribe(look)
      look()
    })
  const stop = async (): Promise<void> => {
    stopping.abort()
    await Promise.all([working, server.close()])
    await tasks.close()
  }
  return {
    ...{ dir, url, log, said, files, results, tasks, engine, hand, ask, upload, submit, until, stop },
    stored: () => readdir(join(dir, 'store')),
    incoming: () => readdir(join(dir, 'incoming')),
    async remove() {
      await stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
