// Two APIs on one Redis, as two processes have it: each with connections, a store and an exchange of its own.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../log'
import { startTestRedis, type TestRedis } from '../test-redis'
import { RedisExchange } from './exchange-redis'
import { Redis } from './redis'
import { RedisTaskStore } from './store-redis'
import { startTestApi, TestPeer, type TestApi, type TestApiOptions } from './test-api'

let redis: TestRedis
let started: { readonly api: TestApi; readonly line: Redis }[]
beforeAll(async () => {
  redis = await startTestRedis()
})
afterAll(() => redis.remove())
beforeEach(async () => {
  await redis.client.flushAll()
  started = []
})
afterEach(async () => {
  for (const { api, line } of started) {
    await api.remove()
    line.close()
  }
})
const start = async (options: TestApiOptions = {}): Promise<TestApi> => {
  const log = createLog(() => undefined)
  const line = await Redis.open(redis.url, log)
  const services = { store: new RedisTaskStore(line, log), exchange: await RedisExchange.open(line, log, { beatMs: 20 }) }
  const api = await startTestApi({ services, ...options })
  started.push({ api, line })
  return api
}
const submit = async (api: TestApi, more: Record<string, unknown> = {}): Promise<string> => (await api.submit(more)).json.data.task_id as string

describe('two APIs on one Redis', () => {
  it('serve one queue: what is submitted to one is run by a worker of the other, and both say how it is', async () => {
    const [here, there] = [await start(), await start()]
    const worker = await TestPeer.worker(there.hubUrl)
    const client = await TestPeer.client(here.hubUrl)
    const id = await submit(here, { client_task_id: 'job' })
    const { lease, ...job } = await worker.acceptJob()
    expect(job.id).toBe(id)
    expect(await client.until('gpu.job.result')).toMatchObject({ request_id: id })
    worker.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'synthesizing', progress: 40 })
    while ((await client.until('gpu.task.progress')).progress !== 40);
    expect(await here.until(id, 'synthesizing')).toMatchObject({ progress: 40, power: { state: 'running' } })
    worker.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'done' })
    await worker.until('gpu.task.ack')
    expect(await here.status(id)).toMatchObject({ status: 'done' })
    expect(await submit(there, { client_task_id: 'job' })).toBe(id)
  })

  it('give each task to one worker, however many there are', async () => {
    const apis = [await start(), await start()]
    const workers = await Promise.all([0, 1, 0, 1].map((n) => TestPeer.worker(apis[n]!.hubUrl)))
    const ids = await Promise.all(Array.from({ length: 24 }, (_, n) => submit(apis[n % 2]!)))
    const run: string[] = []
    let left = ids.length
    await new Promise<void>((resolve) => {
      for (const worker of workers) {
        const work = async (): Promise<void> => {
          for (;;) {
            const job = (await worker.until('gpu.job.submit')) as { request_id: string; lease: string }
            run.push(job.request_id)
            worker.send({ type: 'gpu.job.result', task_type: 'heygem_submit', request_id: job.request_id, lease: job.lease, result: {} })
            worker.send({ type: 'gpu.task.progress', task_id: job.request_id, lease: job.lease, status: 'done' })
            await worker.until('gpu.task.ack')
            left -= 1
            if (left === 0) resolve()
          }
        }
        void work()
      }
    })
    expect(run.toSorted()).toEqual(ids.toSorted())
  })

  it('bring a notice to a monitor that is connected to the other, and a boot, and its answer back', async () => {
    const [here, there] = [await start(), await start()]
    const monitor = await TestPeer.monitor(there.hubUrl)
    const id = await submit(here)
    expect(await monitor.expect('gpu.job.submit')).toEqual({ type: 'gpu.job.submit', task_type: 'heygem_submit', key: expect.stringMatching(/^[0-9a-f]{32}$/) })
    const client = await TestPeer.client(here.hubUrl)
    client.send({ type: 'gpu.power.boot', request_id: 'desk' })
    const boot = await monitor.expect('gpu.power.boot')
    monitor.send({ type: 'gpu.power.boot.result', request_id: boot.request_id as string, success: false, status: 'failed' })
    expect(await client.expect('gpu.power.boot.result')).toMatchObject({ request_id: 'desk', status: 'failed' })
    monitor.send({ type: 'gpu.power.state', status: 'starting', since: 5, usual_wake_ms: 9 })
    expect(await client.expect('gpu.power.state')).toMatchObject({ status: 'starting' })
    expect((await here.status(id)).power).toEqual({ state: 'starting', since: 5, usual_wake_ms: 9, monitored: true })
    expect(await redis.client.exists('dsp:gpu_monitor_notify')).toBe(0)
  })

  it('keep a notice for a minute where no monitor is', async () => {
    await submit(await start())
    expect(await redis.client.lRange('dsp:gpu_monitor_notify', 0, -1)).toHaveLength(1)
    expect(await redis.client.pTTL('dsp:gpu_monitor_notify')).toBeGreaterThan(0)
    expect(await redis.client.pTTL('dsp:gpu_monitor_notify')).toBeLessThanOrEqual(60_000)
    expect((await redis.client.lRange('dsp:gpu_monitor_notify', 0, -1)).join()).not.toContain('K1')
    await redis.client.lPush('dsp:gpu_monitor_notify', JSON.stringify({ type: 'gpu.power.boot', noticed_at: Date.now() - 61_000 }))
    await (await TestPeer.monitor((await start()).hubUrl)).expect('gpu.job.submit')
  })

  it('cancel what a worker of the other runs', async () => {
    // News bring it, not the look that comes for what news lost.
    const options = { times: { sweepMs: 60_000 } }
    const [here, there] = [await start(options), await start(options)]
    const worker = await TestPeer.worker(there.hubUrl)
    const id = await submit(here)
    await worker.accept()
    expect((await here.ask('POST', 'task/cancel', { task_id: id })).json.data).toMatchObject({ status: 'cancelled' })
    expect(await worker.until('gpu.job.cancel')).toMatchObject({ request_id: id, reason: 'cancelled' })
  })

  it('go on with a task whose API has gone, at the other, under its lease', async () => {
    const [here, there] = [await start(), await start()]
    const worker = await TestPeer.worker(here.hubUrl)
    const id = await submit(here)
    const { lease } = await worker.acceptJob()
    await here.stop()
    const report = { progress: 0, message: '', total_frames: 0, current_frame: 0, queue_position: 0, error: '' }
    const back = await TestPeer.worker(there.hubUrl, { tasks: [{ ...report, task_id: id, lease, status: 'done' }] })
    await back.expect('gpu.task.ack')
    expect(await there.status(id)).toMatchObject({ status: 'done' })
    started.shift()!.line.close()
  })

  it('name workers that can render and monitors, and forget those of a dead process', async () => {
    const api = await start()
    await redis.client.sAdd('dsp:workers', ['dead:1', '7'])
    await TestPeer.worker(api.hubUrl, { capabilities: ['url'] })
    const worker = await TestPeer.worker(api.hubUrl)
    const monitor = await TestPeer.monitor(api.hubUrl)
    const sizes = () => Promise.all([redis.client.sCard('dsp:workers'), redis.client.sCard('dsp:gpu_monitors')])
    while ((await sizes())[0] !== 1);
    expect(await sizes()).toEqual([1, 1])
    await Promise.all([worker.close(), monitor.close()])
    while ((await sizes()).join() !== '0,0');
  })

  it('say that the store is away while Redis is, lose nothing that was accepted, and go on when it is back', async () => {
    const api = await start({ times: { leaseMs: 300 } })
    const worker = await TestPeer.worker(api.hubUrl)
    const [running, waiting] = [await submit(api), await submit(api)]
    const { lease } = await worker.acceptJob()
    await redis.stop()
    for (const reply of [await api.submit(), await api.ask('GET', `task/status?task_id=${waiting}`), await api.ask('POST', 'task/cancel', { task_id: waiting })]) {
      expect(reply).toMatchObject({ status: 200, json: { code: 7, reason: 'store_unavailable', data: null } })
    }
    // What cannot be taken down is not acknowledged: the worker says it again.
    worker.send({ type: 'gpu.task.progress', task_id: running, lease, status: 'done' })
    await worker.closed
    await redis.start()
    while ((await api.ask('GET', `task/status?task_id=${waiting}`)).json.code !== 0);
    const report = { progress: 0, message: '', total_frames: 0, current_frame: 0, queue_position: 0, error: '' }
    const back = await TestPeer.worker(api.hubUrl, { tasks: [{ ...report, task_id: running, lease, status: 'done' }] })
    await back.expect('gpu.task.ack')
    const next = await back.acceptJob()
    expect(next.id).toBe(waiting)
    back.send({ type: 'gpu.task.progress', task_id: waiting, lease: next.lease, status: 'done' })
    expect(await Promise.all([api.until(running, 'done'), api.until(waiting, 'done')])).toHaveLength(2)
  })
})
