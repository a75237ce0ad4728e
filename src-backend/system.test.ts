// The whole system as an operator runs it: Redis, two API processes, a power monitor and GPU workers, each a program of
// its own, with times scaled down. Whatever is killed in between, every accepted task ends in one state, the same wherever
// it is asked for, and its result is there.
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TestPeer } from './api/test-api'
import { askServer } from './test-http'
import { makePresenter, makeVoice, md5OfFile } from './test-media'
import { bundleBackend, startProgram, type Ready, type StartedProgram } from './test-program'
import { startTestRedis, type TestRedis } from './test-redis'

const secrets = { WORKER_SECRET: 'secret of the workers', MONITOR_SECRET: 'secret of the monitor' }
const headers = { Authorization: 'Bearer THE-KEY', 'X-Machine-Code': 'MC' }
const gpuSecret = { Authorization: 'Bearer THE-SECRET' }
const times = { LEASE_MS: '1500', MONITOR_CHECK_MS: '200', MONITOR_IDLE_MS: '600', MONITOR_START_WAIT_MS: '20000', MONITOR_STOP_WAIT_MS: '5000' }

/** One program that may be killed and started again at the same address. */
interface Part {
  readonly program: StartedProgram
  readonly ready: Ready
  readonly dir: string
}

interface Status {
  readonly status: string
  readonly message: string
  readonly current_frame: number
  readonly error: string
  readonly power?: { readonly state: string; readonly monitored: boolean }
}

describe('the system', () => {
  let bundle: Awaited<ReturnType<typeof bundleBackend>>
  let redis: TestRedis
  let media: string
  let presenter: string
  let dir: string
  let programs: StartedProgram[]
  let workers: Part[]
  let apiA: Part
  let apiB: Part

  beforeAll(async () => {
    bundle = await bundleBackend('system')
    redis = await startTestRedis()
    media = await mkdtemp(join(tmpdir(), 'system-media-'))
    presenter = makePresenter(media)
  }, 30_000)
  afterAll(async () => {
    await redis.remove()
    await bundle.remove()
    await rm(media, { recursive: true })
  })
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'system-'))
    programs = []
    workers = []
    await redis.client.flushAll()
    ;[apiA, apiB] = await Promise.all([startApi('api-a'), startApi('api-b')])
  })
  afterEach(async ({ task }) => {
    for (const { child, ended, stderr } of programs) {
      child.kill('SIGKILL')
      await ended
      // Which of the programs it was cannot be told from the test's own words.
      if (task.result?.state === 'fail') process.stderr.write(`${stderr()}\n`)
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 10 })
  })

  const start = async (name: string, role: string, environment: Record<string, string>): Promise<Part> => {
    const dataDir = join(dir, name)
    const program = startProgram(bundle.program, [role], { ...secrets, ...times, DATA_DIR: dataDir, ...environment })
    programs.push(program)
    return { program, ready: await program.ready, dir: dataDir }
  }
  const startApi = (name: string, port = '0'): Promise<Part> =>
    start(name, 'api', { REDIS_URL: redis.url, LICENSE_KEYS: 'THE-KEY', API_FILES_DIR: join(dir, 'files'), API_PORT: port })
  const hubOf = ({ ready }: Part): string => `${ready.apiUrl.replace('http', 'ws')}/dsp`
  const startWorker = async (name: string, api: Part, port = '0'): Promise<Part> => {
    const worker = await start(name, 'gpu', { HUB_URL: hubOf(api), GPU_SECRET: 'THE-SECRET', GPU_PORT: port })
    workers.push(worker)
    return worker
  }
  const kill = async ({ program }: Part): Promise<void> => {
    program.child.kill('SIGKILL')
    await program.ended
  }

  const upload = async ({ ready }: Part, path: string): Promise<void> => {
    const form = new FormData()
    form.append('hash', md5OfFile(path))
    form.append('file', new Blob([new Uint8Array(readFileSync(path))]), path)
    expect((await askServer('POST', `${ready.apiUrl}/api/heygem/upload_file`, form, headers)).json).toMatchObject({ code: 0 })
  }
  let jobs = 0
  const submit = async ({ ready }: Part, voice: string): Promise<string> => {
    const body = { audio_hash: md5OfFile(voice), video_hash: md5OfFile(presenter), client_task_id: `job-${String(++jobs)}` }
    const { json } = await askServer('POST', `${ready.apiUrl}/api/heygem/task/submit`, body, headers)
    expect(json).toMatchObject({ code: 0 })
    return json.data.task_id as string
  }
  const order = async (api: Part, voice: string): Promise<string> => {
    await upload(api, presenter)
    await upload(api, voice)
    return submit(api, voice)
  }
  const statusOf = async ({ ready }: Part, id: string): Promise<Status | undefined> => {
    const { json } = await askServer('GET', `${ready.apiUrl}/api/heygem/task/status?task_id=${id}`, undefined, headers)
    return json.code === 0 ? (json.data as Status) : undefined
  }
  const until = async (api: Part, id: string, wanted: (status: Status) => boolean): Promise<Status> => {
    for (;;) {
      const status = await statusOf(api, id)
      if (status && wanted(status)) return status
      if (status?.status === 'error') throw new Error(`the task failed: ${status.error}`)
      // The programs need the processor as well.
      await wait(50)
    }
  }
  const isDone = ({ status }: Status): boolean => status === 'done'
  const isRendering = ({ current_frame }: Status): boolean => current_frame > 0

  /** How often the workers brought a task to its end, by their own books. */
  const runsOf = async (id: string, at: readonly { readonly dir: string }[] = workers): Promise<number> => {
    const books = await Promise.all(at.map((worker) => readFile(join(worker.dir, 'gpu', 'tasks.jsonl'), 'utf8').catch(() => '')))
    return books.filter((text) => text.split('\n').some((line) => line.includes(`"${id}"`) && line.includes('"kind":"done"'))).length
  }
  const download = async (gpuUrl: string, id: string): Promise<number> => {
    const response = await fetch(`${gpuUrl}/api/heygem/download?task_id=${id}`, { headers: gpuSecret })
    return response.ok ? (await response.arrayBuffer()).byteLength : 0
  }
  /** Every task: done wherever it is asked for, rendered to the end by one worker, which still has the result. */
  const expectAllDone = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      await until(apiA, id, isDone)
      expect(await statusOf(apiB, id)).toMatchObject({ status: 'done', progress: 100, error: '' })
      expect(await runsOf(id)).toBe(1)
      const sizes = await Promise.all(workers.filter(({ program }) => program.child.exitCode === null && program.child.signalCode === null).map(({ ready }) => download(ready.gpuUrl, id)))
      expect(Math.max(...sizes)).toBeGreaterThan(1000)
    }
    expect(await redis.client.keys('dsp:pending_tasks:*')).toEqual([])
  }

  it('wakes the machine for a task, renders it, lets the machine go off, and wakes it again while it goes', async () => {
    const voice = makeVoice(media, 1)
    const client = await TestPeer.client(hubOf(apiA), 'THE-KEY')
    const powered = async (state: string): Promise<void> => {
      for (;;) {
        const news = await client.next()
        if (news.type === 'gpu.power.state' && news.status === state) return
      }
    }
    const monitor = await start('monitor', 'monitor', { HUB_URL: hubOf(apiB), GPU_PROVIDER: 'process', GPU_SECRET: 'THE-SECRET' })
    const gpu = { dir: monitor.dir }
    const first = await order(apiA, voice)
    await powered('starting')
    await powered('running')
    expect(await until(apiA, first, isDone)).toMatchObject({ progress: 100 })
    expect(await runsOf(first, [gpu])).toBe(1)
    expect(await download(monitor.ready.gpuUrl, first)).toBeGreaterThan(1000)
    await powered('stopping')
    const second = await order(apiA, makeVoice(media, 1.5))
    await powered('running')
    await until(apiB, second, isDone)
    expect(await runsOf(second, [gpu])).toBe(1)
    await powered('stopped')
    expect((await statusOf(apiA, second))!.status).toBe('done')
    await client.close()
  }, 60_000)

  it('boots after the monitor was killed while it booted', async () => {
    const environment = { HUB_URL: hubOf(apiB), GPU_PROVIDER: 'process', GPU_SECRET: 'THE-SECRET' }
    const client = await TestPeer.client(hubOf(apiA), 'THE-KEY')
    const monitor = await start('monitor', 'monitor', environment)
    const id = await order(apiA, makeVoice(media, 1))
    for (let news = await client.next(); news.type !== 'gpu.power.state' || news.status !== 'starting'; ) news = await client.next()
    await kill(monitor)
    await start('monitor', 'monitor', environment)
    await until(apiA, id, isDone)
    expect(await runsOf(id, [{ dir: monitor.dir }])).toBe(1)
    await client.close()
  }, 60_000)

  it('gives the task of a worker that was killed in the middle to another one', async () => {
    const first = await startWorker('worker-1', apiA)
    const id = await order(apiA, makeVoice(media, 120))
    await until(apiA, id, isRendering)
    await kill(first)
    await startWorker('worker-2', apiB)
    await expectAllDone([id])
  }, 60_000)

  it('brings a task to its end by the worker that was killed, when it is the one that comes back', async () => {
    const worker = await startWorker('worker-1', apiA)
    const id = await order(apiA, makeVoice(media, 120))
    await until(apiA, id, isRendering)
    await kill(worker)
    workers = []
    await startWorker('worker-1', apiA)
    await expectAllDone([id])
  }, 60_000)

  it('loses nothing with an API process that was killed', async () => {
    await startWorker('worker-1', apiA)
    const running = await order(apiA, makeVoice(media, 90))
    await until(apiB, running, isRendering)
    await kill(apiA)
    // The other one goes on taking orders, and knows what the dead one took.
    const waiting = await order(apiB, makeVoice(media, 1))
    expect(await statusOf(apiB, running)).toBeDefined()
    apiA = await startApi('api-a', new URL(apiA.ready.apiUrl).port)
    await expectAllDone([running, waiting])
  }, 60_000)

  it('loses nothing when Redis is killed and started again', async () => {
    await startWorker('worker-1', apiA)
    const running = await order(apiA, makeVoice(media, 90))
    const waiting = await order(apiB, makeVoice(media, 1))
    await until(apiA, running, isRendering)
    await redis.stop()
    const body = { audio_hash: md5OfFile(presenter), video_hash: md5OfFile(presenter), client_task_id: 'while it was away' }
    const refused = await askServer('POST', `${apiA.ready.apiUrl}/api/heygem/task/submit`, body, headers)
    expect(refused.json).toMatchObject({ code: 7, reason: 'store_unavailable' })
    await redis.start()
    await expectAllDone([running, waiting])
  }, 60_000)

  it('has each task done once where there are two workers', async () => {
    await Promise.all([startWorker('worker-1', apiA), startWorker('worker-2', apiB)])
    const voices = [1, 1.1, 1.2, 1.3, 1.4, 1.6].map((seconds) => makeVoice(media, seconds))
    const ids = []
    for (const [index, voice] of voices.entries()) ids.push(await order(index % 2 === 0 ? apiA : apiB, voice))
    await expectAllDone(ids)
  }, 60_000)

  it('lets a task wait for files that come after its worker, and by the other process', async () => {
    await startWorker('worker-1', apiB)
    const voice = makeVoice(media, 1)
    await upload(apiA, presenter)
    // Others go first while it waits.
    const late = makeVoice(media, 1.7)
    const id = await submit(apiB, late)
    expect(await until(apiB, id, ({ message }) => message.includes('files'))).toMatchObject({ status: 'queued' })
    const other = await order(apiA, voice)
    await until(apiA, other, isDone)
    expect(await statusOf(apiA, id)).toMatchObject({ status: 'queued' })
    await upload(apiA, late)
    await expectAllDone([id, other])
  }, 60_000)
})
