import { afterEach, describe, expect, it } from 'vitest'
import { startTestApi, TestPeer, type TestApi, type TestApiOptions } from './test-api'

let api: TestApi
const start = async (options?: TestApiOptions) => (api = await startTestApi(options))
afterEach(() => api.remove())

const job = { type: 'gpu.job.submit', task_type: 'heygem_submit', payload: { audio_hash: 'a'.repeat(32), video_hash: 'b'.repeat(32) } } as const
const submit = async (): Promise<string> => (await api.submit()).json.data.task_id as string

describe('a client on the hub', () => {
  it('is let in with its license key only, as what it is', async () => {
    await start()
    const refused = async (message: Record<string, unknown>) => {
      const peer = await TestPeer.connect(api.hubUrl)
      await peer.expect('connected')
      peer.send(JSON.stringify({ type: 'register', ...message }))
      return peer.expect('error')
    }
    expect(await refused({ key: 'K9' })).toMatchObject({ msg: '卡密不存在', message: '卡密不存在', reason: 'license_unknown' })
    expect(await refused({ key: 'K1', device_type: 'fridge' })).toMatchObject({ reason: 'bad_request' })
    expect(await refused({})).toMatchObject({ msg: 'bad message at key' })
    await TestPeer.client(api.hubUrl)
    expect(api.said.join()).not.toMatch(/K[19]/)
  })

  it('hears of its own tasks and of nobody else’s: taken, under both names, then how it goes', async () => {
    await start()
    const [mine, other] = [await TestPeer.client(api.hubUrl), await TestPeer.client(api.hubUrl, 'K2')]
    const worker = await TestPeer.worker(api.hubUrl)
    for (const peer of [mine, other]) {
      await peer.expect('gpu_online')
      expect(await peer.expect('gpu.power.online')).toMatchObject({ version: '1.0', data: { status: 'online', from: 'worker' } })
    }
    const id = await submit()
    const { lease } = await worker.acceptJob()
    const taken = { task_type: 'heygem_submit', request_id: id, result: { task_id: id } }
    expect(await mine.expect('gpu.job.result')).toEqual({ type: 'gpu.job.result', ...taken })
    expect(await mine.expect('gpu_task_result')).toEqual({ type: 'gpu_task_result', ...taken })
    await mine.expect('gpu.task.progress')
    worker.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'synthesizing', progress: 40, current_frame: 4, total_frames: 10 })
    expect(await mine.expect('gpu.task.progress')).toMatchObject({ task_id: id, status: 'synthesizing', progress: 40, message: 'rendering', current_frame: 4 })
    worker.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'error', error: 'no', error_code: 'engine_failed' })
    expect(await mine.expect('gpu.task.progress')).toMatchObject({ status: 'error', error: 'no', error_code: 'engine_failed' })
    other.send({ type: 'ping' })
    await other.expect('pong')
  })

  it('orders a task as over HTTP: the same queue, the same limit, the same task for the same id', async () => {
    await start({ waitingLimit: 1 })
    const client = await TestPeer.client(api.hubUrl)
    client.send({ ...job, request_id: 'mine' })
    const queued = await client.expect('gpu.power.offline')
    expect(queued).toMatchObject({ request_id: 'mine', task_type: 'heygem_submit', data: { status: 'offline' } })
    client.send({ ...job, type: 'gpu_task', request_id: 'another' })
    expect(await client.expect('error')).toMatchObject({ reason: 'queue_full', request_id: 'another', task_type: 'heygem_submit' })
    const { task_id: id } = queued.data as { task_id: string }
    expect((await api.submit({ client_task_id: 'mine' })).json.data.task_id).toBe(id)
    const worker = await TestPeer.worker(api.hubUrl)
    await worker.accept()
    expect(await client.until('gpu.job.result')).toMatchObject({ request_id: 'mine', result: { task_id: id } })
    client.send({ ...job, request_id: 'mine' })
    expect(await client.until('ack')).toMatchObject({ request_id: 'mine', task_id: id })
  })

  it('is told what it may not say', async () => {
    await start()
    const client = await TestPeer.client(api.hubUrl)
    client.send({ ...job, task_type: 'url', request_id: 'r' })
    expect(await client.expect('error')).toMatchObject({ reason: 'bad_request', request_id: 'r' })
    client.send({ type: 'gpu.job.submit', task_type: 'heygem_submit' })
    expect(await client.expect('error')).toMatchObject({ reason: 'bad_request' })
    client.send({ type: 'gpu.power.online' })
    expect(await client.expect('error')).toMatchObject({ msg: 'not for a client to say: gpu.power.online' })
    client.send({ type: 'register', key: 'K2' })
    expect(await client.expect('error')).toMatchObject({ msg: 'registered already' })
  })
})

describe('the power of the GPU machine', () => {
  it('is answered without a monitor, by what is known', async () => {
    await start()
    const client = await TestPeer.connect(api.hubUrl)
    await client.expect('connected')
    client.send({ type: 'gpu.status.query', request_id: 'q' })
    expect(await client.next()).toEqual({ type: 'gpu.status.response', status: 'unknown', State: 'unknown', request_id: 'q', fresh: false })
    await TestPeer.worker(api.hubUrl)
    client.send({ type: 'gpu.status.query', request_id: 'q' })
    expect(await client.expect('gpu.status.response')).toMatchObject({ status: 'running' })
    expect((await api.status(await submit())).power).toEqual({ state: 'running', since: 0, usual_wake_ms: null, monitored: false })
  })

  it('cannot be asked for without a monitor, and that is said at once', async () => {
    await start()
    const client = await TestPeer.client(api.hubUrl)
    client.send({ type: 'gpu.power.boot', request_id: 'b' })
    expect(await client.expect('gpu.power.boot.result')).toMatchObject({ request_id: 'b', success: false, status: 'no_monitor' })
  })

  it('is the monitor’s to say: to clients at once, and in the status of what waits', async () => {
    await start()
    const [client, monitor] = [await TestPeer.client(api.hubUrl), await TestPeer.monitor(api.hubUrl)]
    const error = { code: 'start_timeout', msg: 'did not come up', will_retry: true } as const
    monitor.send({ type: 'gpu.power.state', status: 'starting', since: 12, usual_wake_ms: 90_000, error })
    expect(await client.expect('gpu.power.state')).toMatchObject({ status: 'starting', error })
    const id = await submit()
    expect((await api.status(id)).power).toEqual({ state: 'starting', since: 12, usual_wake_ms: 90_000, monitored: true, error: 'did not come up' })
    monitor.send({ type: 'gpu.power.booted' })
    await client.expect('gpu.power.booted')
    monitor.send({ type: 'gpu.power.online' })
    await client.expect('gpu_online')
    expect(await client.expect('gpu.power.online')).toMatchObject({ data: { from: 'gpu_monitor' } })
    await monitor.close()
    while ((await api.status(id)).power === undefined || ((await api.status(id)).power as { monitored: boolean }).monitored) await new Promise(setImmediate)
    expect((await api.status(id)).power).toMatchObject({ state: 'unknown', monitored: false })
  })

  it('brings questions and boots to the monitor, and each answer to who asked', async () => {
    await start()
    const monitor = await TestPeer.monitor(api.hubUrl)
    const clients = [await TestPeer.client(api.hubUrl), await TestPeer.client(api.hubUrl)]
    // Clients choose the same ids.
    for (const client of clients) client.send({ type: 'gpu.power.boot', request_id: 'desk' })
    for (const nth of ['first', 'second']) {
      const boot = await monitor.expect('gpu.power.boot')
      monitor.send({ type: 'gpu.power.boot.result', request_id: boot.request_id as string, success: false, status: 'failed', msg: nth })
    }
    const answers = await Promise.all(clients.map((client) => client.expect('gpu.power.boot.result')))
    expect(answers.map((answer) => answer.request_id)).toEqual(['desk', 'desk'])
    expect(answers.map((answer) => answer.msg).sort()).toEqual(['first', 'second'])
    clients[0]!.send({ type: 'gpu.status.query', request_id: 'q' })
    expect(await clients[0]!.expect('gpu.status.response')).toMatchObject({ status: 'unknown', fresh: false })
    const query = await monitor.expect('gpu.status.query')
    monitor.send({ type: 'gpu.status.response', request_id: query.request_id as string, status: 'stopped', fresh: true })
    expect(await clients[0]!.expect('gpu.status.response')).toEqual({ type: 'gpu.status.response', status: 'stopped', State: 'stopped', request_id: 'q', fresh: true })
    monitor.send({ type: 'gpu.power.boot.result', success: false, status: 'failed' })
    for (const client of clients) await client.expect('gpu.power.boot.result')
  })

  it('is asked for by the queue: a notice at once, without the license key, and the demand whenever the monitor asks', async () => {
    await start()
    const monitor = await TestPeer.monitor(api.hubUrl)
    const demand = async () => {
      monitor.send({ type: 'gpu.task.query', request_id: 'd' })
      const { waiting, running, active_count } = await monitor.until('gpu.task.query.response')
      return { waiting, running, active_count }
    }
    expect(await demand()).toEqual({ waiting: 0, running: 0, active_count: 0 })
    const id = await submit()
    const notice = await monitor.expect('gpu.job.submit')
    expect(notice).toEqual({ type: 'gpu.job.submit', task_type: 'heygem_submit', key: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(await demand()).toEqual({ waiting: 1, running: 0, active_count: 1 })
    const worker = await TestPeer.worker(api.hubUrl)
    const { lease } = await worker.acceptJob()
    worker.send({ type: 'gpu.task.active', task_id: id, task_type: 'heygem_submit', ts: 5 })
    expect(await monitor.expect('gpu.task.active')).toMatchObject({ task_id: id })
    expect(await demand()).toEqual({ waiting: 0, running: 1, active_count: 1 })
    worker.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'done' })
    await api.until(id, 'done')
    monitor.send({ type: 'gpu.task.query', request_id: 'd' })
    expect(await monitor.expect('gpu.task.query.response')).toMatchObject({ request_id: 'd', active_count: 0, has_recent_active: true })
  })

  it('tells a monitor that comes later what it missed', async () => {
    await start()
    await submit()
    const monitor = await TestPeer.monitor(api.hubUrl)
    await monitor.expect('gpu.job.submit')
  })

  it('is nobody’s without the secret', async () => {
    await start()
    const peer = await TestPeer.connect(api.hubUrl)
    await peer.expect('connected')
    peer.send({ type: 'register', role: 'gpu_monitor', secret: 'guess' })
    expect(await peer.expect('error')).toMatchObject({ msg: expect.stringContaining('monitor secret') })
    peer.send({ type: 'gpu.power.state', status: 'running', since: 1, usual_wake_ms: null })
    expect(await peer.expect('error')).toMatchObject({ msg: 'not registered' })
  })
})
