import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'
import { EngineFailure } from './engine'
import { startTestGpu, type TestGpu, type TestGpuOptions } from './test-gpu'

interface Frame {
  readonly code: number
  readonly data?: { readonly task_id: string; readonly status: string; readonly progress: number; readonly current_frame: number; readonly error: string }
}

/** What a client reads, frame by frame. */
class Watcher {
  private readonly frames: Frame[] = []
  private readonly takers: ((frame: Frame) => void)[] = []
  readonly closed: Promise<number>

  constructor(url: string, options: ClientOptions = {}) {
    const ws = new WebSocket(url.replace('http', 'ws'), options)
    ws.on('message', (data) => {
      const frame = JSON.parse((data as Buffer).toString()) as Frame
      const taker = this.takers.shift()
      if (taker) taker(frame)
      else this.frames.push(frame)
    })
    this.closed = new Promise((resolve, reject) => {
      ws.once('close', resolve)
      ws.once('error', reject)
    })
    this.closed.catch(() => undefined)
  }

  next(): Promise<Frame> {
    const frame = this.frames.shift()
    return frame ? Promise.resolve(frame) : new Promise((resolve) => this.takers.push(resolve))
  }

  /** The first frame that is as wanted. */
  async until(wanted: (data: NonNullable<Frame['data']>) => boolean): Promise<NonNullable<Frame['data']>> {
    for (;;) {
      const { data } = await this.next()
      if (data && wanted(data)) return data
    }
  }
}

describe('/ws/progress', () => {
  let gpu: TestGpu
  const start = async (options?: TestGpuOptions) => (gpu = await startTestGpu(options))
  const watch = (id: string, rest = '', options?: ClientOptions): Watcher => new Watcher(`${gpu.url}/ws/progress/${id}${rest}`, options)
  const submit = async (more = {}): Promise<string> => (await gpu.submit(more)).json.data.task_id as string
  afterEach(() => gpu.remove())

  it('tells a task as it goes, and closes after its end', async () => {
    await start()
    const id = await submit()
    const render = await gpu.hand.next()
    const watcher = watch(id)
    const first = await watcher.next()
    expect(first).toMatchObject({ code: 0, data: { task_id: id, status: 'processing', progress: 0, queue: { processing: 1 } } })
    render.request.report({ frame: 5, totalFrames: 10 })
    expect(await watcher.until((data) => data.current_frame > 0)).toMatchObject({ status: 'synthesizing', progress: 50, current_frame: 5, total_frames: 10 })
    await render.finish()
    expect(await watcher.until((data) => data.status === 'done')).toMatchObject({ progress: 100 })
    expect(await watcher.closed).toBe(1000)
  })

  it('tells a failure', async () => {
    await start()
    const watcher = watch(await submit())
    ;(await gpu.hand.next()).fail(new EngineFailure('multiple_faces', 'there is more than one face'))
    expect(await watcher.until((data) => data.status === 'error')).toMatchObject({ error: 'there is more than one face', error_code: 'multiple_faces' })
    expect(await watcher.closed).toBe(1000)
  })

  it('tells the end of a task that has ended, once', async () => {
    await start()
    const id = await submit()
    await (await gpu.hand.next()).finish()
    await gpu.until(id, 'done')
    const watcher = watch(id, '/')
    expect((await watcher.next()).data).toMatchObject({ status: 'done' })
    expect(await watcher.closed).toBe(1000)
  })

  it('says in one frame that there is no such task', async () => {
    await start()
    const watcher = watch('feedfeedfeedfeed')
    expect(await watcher.next()).toEqual({ code: 404, msg: expect.any(String) })
    expect(await watcher.closed).toBe(1000)
  })

  it('wants the secret, in the query or in a header, and says it nowhere', async () => {
    await start({ secret: 'THE-SECRET' })
    const id = await submit()
    for (const rest of ['', '?token=', '?token=wrong']) {
      const watcher = watch(id, rest)
      expect(await watcher.next()).toEqual({ code: 401, msg: expect.any(String) })
      expect(await watcher.closed).toBe(1000)
    }
    expect((await watch(id, '?token=THE-SECRET').next()).code).toBe(0)
    for (const Authorization of ['Bearer THE-SECRET', 'THE-SECRET']) expect((await watch(id, '', { headers: { Authorization } }).next()).code).toBe(0)
    expect(gpu.said.join()).not.toContain('THE-SECRET')
  })

  it('knows no other sockets', async () => {
    await start()
    await expect(new Watcher(`${gpu.url}/ws/other`).closed).rejects.toThrow('404')
    await expect(watch('').closed).rejects.toThrow('404')
  })

  it('lets go of its watchers when the server stops', async () => {
    await start()
    const watcher = watch(await submit())
    await watcher.next()
    await gpu.hand.next()
    await gpu.stop()
    expect(await watcher.closed).toBe(1006)
  })
})
