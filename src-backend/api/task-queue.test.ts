import { afterEach, describe, expect, it } from 'vitest'
import { startTestApi, TestPeer, type TestApi, type TestApiOptions } from './test-api'

let api: TestApi
const start = async (options?: TestApiOptions) => (api = await startTestApi(options))
afterEach(() => api.remove())
const K2 = { Authorization: 'Bearer K2' }
const submit = async (headers: Record<string, string> = {}): Promise<string> => (await api.submit({}, headers)).json.data.task_id as string
const cancel = (id: string, headers: Record<string, string> = {}) => api.ask('POST', 'task/cancel', { task_id: id }, headers)

describe('cancelling', () => {
  it('takes a waiting task out of the queue, and may be asked for again', async () => {
    await start()
    const [first, second] = [await submit(), await submit()]
    expect((await cancel(first)).json).toMatchObject({ code: 0, data: { task_id: first, status: 'cancelled' } })
    expect((await cancel(first)).json).toMatchObject({ code: 0, data: { status: 'cancelled' } })
    expect(await api.status(second)).toMatchObject({ queue_position: 1 })
    expect(await (await TestPeer.worker(api.hubUrl)).accept()).toBe(second)
  })

  it('stops the worker that runs it, whose word for it does not count any more, and gives it the next', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const [id, next] = [await submit(), await submit()]
    const { lease } = await worker.acceptJob()
    expect((await cancel(id)).json.data).toMatchObject({ status: 'cancelled' })
    expect(await worker.expect('gpu.job.cancel')).toMatchObject({ request_id: id, reason: 'cancelled' })
    worker.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'done' })
    expect(await worker.accept()).toBe(next)
    await worker.expect('gpu.task.ack')
    expect(await api.status(id)).toMatchObject({ status: 'cancelled', error: '' })
  })

  it('leaves what has ended as it ended', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const id = await submit()
    const { lease } = await worker.acceptJob()
    worker.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'done' })
    await api.until(id, 'done')
    expect((await cancel(id)).json).toMatchObject({ code: 0, data: { status: 'done' } })
  })

  it('is the owner’s alone: to others the task is unknown', async () => {
    await start()
    const id = await submit()
    expect((await cancel(id, K2)).json).toMatchObject({ code: 0, reason: 'task_unknown', data: { status: 'error', error_code: 'task_unknown' } })
    expect((await cancel(id, { Authorization: '' })).json).toMatchObject({ code: 7, reason: 'license_missing' })
    expect((await api.ask('POST', 'task/cancel', {})).json).toMatchObject({ code: 7, reason: 'bad_request' })
    expect(await api.status(id)).toMatchObject({ status: 'queued' })
  })
})

describe('the queue', () => {
  it('refuses the task that is too many, and only that', async () => {
    await start({ waitingLimit: 2 })
    const ids = [await submit(), await submit()]
    expect((await api.submit()).json).toMatchObject({ code: 7, reason: 'queue_full', data: null })
    await submit(K2)
    await cancel(ids[0]!)
    await submit()
    expect(await api.status(ids[1]!)).toMatchObject({ status: 'queued' })
  })

  it('ends what waited too long, and says so', async () => {
    await start({ times: { queueTtlMs: 30 } })
    const id = await submit()
    expect(await api.until(id, 'error')).toMatchObject({ error_code: 'expired', error: expect.stringContaining('no GPU worker') })
  })

  it('takes turns between licenses', async () => {
    await start()
    const [one, two, three] = [await submit(), await submit(), await submit()]
    const other = await submit(K2)
    const worker = await TestPeer.worker(api.hubUrl)
    for (const id of [one, other, two, three]) {
      const taken = await worker.acceptJob()
      expect(taken.id).toBe(id)
      worker.send({ type: 'gpu.task.progress', task_id: id, lease: taken.lease, status: 'done' })
      await worker.expect('gpu.task.ack')
    }
  })

  it('says what a task waits for, as far as its own file store knows', async () => {
    await start({ inputsThere: () => Promise.resolve(false) })
    expect(await api.status(await submit())).toMatchObject({ status: 'queued', message: 'waiting for its files' })
  })
})
