import { afterEach, describe, expect, it } from 'vitest'
import { startTestApi, TestPeer, workerSecret, type TestApi, type TestApiOptions } from '../api/test-api'
import { md5Of } from '../test-media'
import { EngineFailure } from './engine'
import { runHubLink, type HubLinkTimes } from './hub-link'
import { startTestGpu, type TestGpu, type TestGpuOptions } from './test-gpu'

const files = { audio_hash: md5Of('audio'), video_hash: md5Of('video') }
const times: HubLinkTimes = { reconnectMs: 1, longestReconnectMs: 5, silenceMs: 5_000, progressMs: 5, heartbeatMs: 60_000, activeMs: 10, lookMs: 5 }

describe('the worker and the API', () => {
  let api: TestApi
  let gpu: TestGpu
  let cut: () => Promise<void> = () => Promise.resolve()
  const startApi = async (options?: TestApiOptions) => (api = await startTestApi(options))
  const startGpu = async (options?: TestGpuOptions) => (gpu = await startTestGpu(options))
  const link = (secret = workerSecret): void => {
    const stopping = new AbortController()
    const linked = runHubLink({ ...gpu, url: api.hubUrl, secret, times }, stopping.signal)
    cut = async () => {
      stopping.abort()
      await linked
    }
  }
  const start = async (options?: TestGpuOptions): Promise<void> => {
    await startApi()
    await startGpu(options)
    link()
  }
  const uploadBoth = async (): Promise<void> => {
    await gpu.upload('audio', { hash: files.audio_hash, ext: '.wav' })
    await gpu.upload('video', { hash: files.video_hash, ext: '.mp4' })
  }
  /** How many tasks a worker told of when it registered, each time. */
  const toldAtRegister = (): number[] =>
    api.said.filter((line) => line.includes('worker_joined')).map((line) => (JSON.parse(line) as { tasks: number }).tasks)
  const submit = async (more: Record<string, unknown> = {}): Promise<string> =>
    (await api.submit({ ...files, ...more })).json.data.task_id as string
  afterEach(async () => {
    await cut()
    await Promise.all([gpu.remove(), api.remove()])
  })

  it('bring a task from submit to done, under one id on both', async () => {
    await start()
    await uploadBoth()
    const id = await submit()
    const render = await gpu.hand.next()
    render.request.report({ frame: 3, totalFrames: 10 })
    expect(await api.until(id, 'synthesizing')).toMatchObject({ progress: 30, current_frame: 3, total_frames: 10, engine: 'hand' })
    await render.finish('the result')
    expect(await api.until(id, 'done')).toMatchObject({ progress: 100 })
    expect((await gpu.ask('GET', `download?task_id=${id}`)).text).toBe('the result')
  })

  it('bring the engine’s words to the client', async () => {
    await start()
    await uploadBoth()
    const id = await submit()
    ;(await gpu.hand.next()).fail(new EngineFailure('multiple_faces', 'two faces'))
    expect(await api.until(id, 'error')).toMatchObject({ error: 'two faces', error_code: 'multiple_faces' })
  })

  it('let a task wait whose files nobody uploaded yet, and run it as soon as they are there', async () => {
    await start()
    const id = await submit()
    while ((await api.status(id)).message !== 'waiting for its files') await new Promise(setImmediate)
    await uploadBoth()
    await (await gpu.hand.next()).finish()
    await api.until(id, 'done')
  })

  it('stop what is cancelled, and do it after all when it is wanted again', async () => {
    await start()
    await uploadBoth()
    const id = await submit()
    const render = await gpu.hand.next()
    await api.until(id, 'processing')
    expect((await api.ask('POST', 'task/cancel', { task_id: id })).json.data).toMatchObject({ status: 'cancelled' })
    await new Promise((resolve) => {
      if (render.request.signal.aborted) resolve(undefined)
      render.request.signal.addEventListener('abort', resolve)
    })
    expect((await gpu.ask('GET', `progress?task_id=${id}`)).json.data).toMatchObject({ status: 'cancelled' })
    const again = await submit()
    await (await gpu.hand.next()).finish()
    await api.until(again, 'done')
    expect(await api.status(id)).toMatchObject({ status: 'cancelled' })
  })

  it('keep a long render through many leases, and the machine awake', async () => {
    await startApi({ times: { leaseMs: 500 } })
    await startGpu()
    link()
    const monitor = await TestPeer.monitor(api.hubUrl)
    await uploadBoth()
    const id = await submit()
    const render = await gpu.hand.next()
    for (let n = 0; n < 120; n += 1) expect(await monitor.until('gpu.task.active')).toMatchObject({ task_id: id, task_type: 'heygem_submit' })
    await render.finish()
    await api.until(id, 'done')
    expect(gpu.hand.rendered).toEqual([id])
    expect(api.said.join()).not.toContain('lease_lost')
  })

  it('agree on who has a task when the line was down for longer than a lease', async () => {
    await startApi({ times: { leaseMs: 40 } })
    await startGpu()
    link()
    await uploadBoth()
    const id = await submit()
    const render = await gpu.hand.next()
    await api.until(id, 'processing')
    await cut()
    await api.until(id, 'queued')
    await render.finish()
    await gpu.until(id, 'done')
    link()
    await api.until(id, 'done')
    expect(gpu.hand.rendered).toEqual([id])
  })

  it('finish at once what was rendered before, under the id that the client holds', async () => {
    await start()
    await uploadBoth()
    const first = await submit()
    await (await gpu.hand.next()).finish('once')
    await api.until(first, 'done')
    const second = await submit()
    await api.until(second, 'done')
    expect((await gpu.ask('GET', `progress?task_id=${second}`)).json.data).toMatchObject({ status: 'done', task_id: second })
    expect(gpu.hand.rendered).toEqual([first])
  })

  it('take one job that comes both ways for one task', async () => {
    await start()
    await uploadBoth()
    const id = await submit({ client_task_id: 'job' })
    await gpu.hand.next()
    const direct = await gpu.ask('POST', 'submit', { ...files, license_key: 'K1', client_task_id: 'job' })
    expect(direct.json.data.task_id).toBe(id)
  })

  it('resolve the API’s id for a task that had come directly', async () => {
    await startApi()
    await startGpu()
    await uploadBoth()
    const direct = (await gpu.ask('POST', 'submit', { ...files, license_key: 'K1', client_task_id: 'job' })).json.data.task_id as string
    const render = await gpu.hand.next()
    link()
    const id = await submit({ client_task_id: 'job' })
    await render.finish()
    expect(await api.until(id, 'done')).toMatchObject({ gpu_task_id: direct })
    expect((await gpu.ask('GET', `download?task_id=${id}`)).status).toBe(200)
  })

  it('agree again after the line was down while the task ended', async () => {
    await start()
    await uploadBoth()
    const id = await submit()
    const render = await gpu.hand.next()
    await api.until(id, 'processing')
    await cut()
    await render.finish()
    await gpu.until(id, 'done')
    link()
    await api.until(id, 'done')
    expect([gpu.hand.rendered, toldAtRegister()]).toEqual([[id], [0, 1]])
  })

  it('agree again after the API was started again', async () => {
    await start()
    await uploadBoth()
    const id = await submit({ client_task_id: 'job' })
    const render = await gpu.hand.next()
    await api.until(id, 'processing')
    await api.stop()
    await startApi({ dir: api.dir, port: api.port })
    await api.until(id, 'processing')
    expect(await submit({ client_task_id: 'job' })).toBe(id)
    await render.finish()
    await api.until(id, 'done')
    expect(gpu.hand.rendered).toEqual([id])
  })

  it('agree again after the worker was started again, in the middle of a render', async () => {
    await start()
    await uploadBoth()
    const id = await submit()
    const render = await gpu.hand.next()
    render.request.report({ frame: 6, totalFrames: 10 })
    await api.until(id, 'synthesizing')
    await cut()
    await gpu.stop()
    await startGpu({ dir: gpu.dir })
    link()
    await (await gpu.hand.next()).finish()
    expect(await api.until(id, 'done')).toMatchObject({ progress: 100 })
  })

  it('tell the end of a task until it is taken down, and then no more', async () => {
    await start()
    await uploadBoth()
    const id = await submit()
    await (await gpu.hand.next()).finish()
    await api.until(id, 'done')
    while (gpu.tasks.untold().length > 0) await new Promise(setImmediate)
    await cut()
    link()
    while (toldAtRegister().length < 2) await new Promise(setImmediate)
    expect(toldAtRegister()).toEqual([0, 0])
  })

  it('keep trying when the secret is wrong, without a word of it', async () => {
    await startApi()
    await startGpu()
    link('a wrong secret')
    while (api.said.filter((line) => line.includes('worker_refused')).length < 2) await new Promise(setImmediate)
    expect(gpu.said.join() + api.said.join()).not.toContain('wrong secret')
    expect(await api.status(await submit())).toMatchObject({ status: 'queued', message: 'waiting for a GPU worker' })
  })
})
