import { afterEach, describe, expect, it } from 'vitest'
import { apiStatusReplySchema, apiSubmitReplySchema, capabilitiesReplySchema } from '../../src-shared/api-contract'
import { startTestApi, TestPeer, type TestApi, type TestApiOptions } from './test-api'

let api: TestApi
const start = async (options?: TestApiOptions) => (api = await startTestApi(options))
afterEach(() => api.remove())

describe('task/submit', () => {
  it('queues while there is no worker, and says so', async () => {
    await start()
    const reply = await api.submit()
    expect(reply).toMatchObject({ status: 200, json: { code: 0, data: { status: 'queued' } } })
    const { task_id } = apiSubmitReplySchema.parse(reply.json.data)
    expect(task_id).toMatch(/^heygem_[0-9a-f]{13}$/)
    expect(apiStatusReplySchema.parse(await api.status(task_id))).toMatchObject({ status: 'queued', queue_position: 1, progress: 0, error: '' })
  })

  it('hands the task to a worker in the contract’s words', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const reply = await api.submit({ video_ext: '.MP4', client_task_id: 'job' })
    expect(reply.json.data).toMatchObject({ status: 'submitted' })
    const id = reply.json.data.task_id as string
    const job = await worker.expect('gpu.job.submit')
    expect(job).toEqual({
      ...{ type: 'gpu.job.submit', task_type: 'heygem_submit', request_id: id, sender_fd: 0 },
      key: expect.stringMatching(/^[0-9a-f]{32}$/),
      payload: {
        ...{ task_id: id, audio_hash: 'a'.repeat(32), audio_ext: '.wav', video_hash: 'b'.repeat(32), video_ext: '.mp4' },
        client_task_id: 'job',
      },
      ...{ lease: expect.stringMatching(/^[0-9a-f]{24}$/), lease_ms: 60_000 },
    })
    expect(JSON.stringify(job) + api.said.join()).not.toContain('K1')
  })

  it('answers the same task for the same client id, in the body or the header, also after a restart', async () => {
    await start()
    const id = (await api.submit({ client_task_id: 'job' })).json.data.task_id as string
    expect((await api.submit({}, { 'Idempotency-Key': 'job' })).json.data.task_id).toBe(id)
    const both = await Promise.all(Array.from({ length: 5 }, () => api.submit({ client_task_id: 'job 2' })))
    expect(new Set(both.map((reply) => reply.json.data.task_id as string)).size).toBe(1)
    await api.stop()
    await start({ dir: api.dir })
    expect((await api.submit({ client_task_id: 'job' })).json.data.task_id).toBe(id)
    const other = await api.submit({ client_task_id: 'job' }, { Authorization: 'Bearer K2' })
    expect(other.json.data.task_id).not.toBe(id)
  })

  it('refuses a client id that was used for other files', async () => {
    await start()
    await api.submit({ client_task_id: 'job' })
    const reply = await api.submit({ client_task_id: 'job', audio_hash: 'c'.repeat(32) })
    expect(reply).toMatchObject({ status: 200, json: { code: 7, reason: 'bad_request', msg: expect.stringContaining('other files') } })
  })

  it('tells how a task is when it is asked for again', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const submit = () => api.submit({ client_task_id: 'job' })
    await submit()
    const id = await worker.accept()
    worker.send({ type: 'gpu.task.progress', task_id: id, status: 'done' })
    await worker.expect('gpu.task.ack')
    expect((await submit()).json.data).toMatchObject({ task_id: id, status: 'done' })
  })

  it.each<[string, unknown]>([
    ['no JSON', '{"audio'],
    ['a list', '[]'],
    ['no hashes', {}],
    ['a hash that is none', { audio_hash: 'x', video_hash: 'b'.repeat(32) }],
    ['a number for a hash', { audio_hash: 5, video_hash: 'b'.repeat(32) }],
    ['an extension that is no media', { audio_hash: 'a'.repeat(32), video_hash: 'b'.repeat(32), audio_ext: '.sh;x' }],
    ['a client id without end', { audio_hash: 'a'.repeat(32), video_hash: 'b'.repeat(32), client_task_id: 'x'.repeat(65) }],
  ])('refuses %s with code 7', async (_what, body) => {
    await start()
    const reply = await api.ask('POST', 'task/submit', body)
    expect(reply).toMatchObject({ status: 200, json: { code: 7, data: null, reason: 'bad_request', msg: expect.any(String) } })
    expect(reply.json.message).toBe(reply.json.msg)
  })

  it('checks the license before it looks at anything else', async () => {
    await start()
    const reply = await api.ask('POST', 'task/submit', 'nonsense', { Authorization: '' })
    expect(reply).toMatchObject({ status: 200, json: { code: 7, reason: 'license_missing', msg: '缺少 Authorization' } })
    expect((await api.submit({}, { 'X-Machine-Code': '' })).json).toMatchObject({ code: 7, reason: 'machine_code_missing' })
    expect((await api.submit({}, { Authorization: 'Bearer K9' })).json).toMatchObject({ code: 7, reason: 'license_unknown' })
  })

  it('takes the secret as the Bearer with the key in the body', async () => {
    await start({ secret: 's3cret' })
    const secret = { Authorization: 'Bearer s3cret' }
    const id = (await api.submit({ license_key: 'K1', client_task_id: 'job' }, secret)).json.data.task_id as string
    expect((await api.submit({ client_task_id: 'job' })).json.data.task_id).toBe(id)
    expect(await api.status(id, { ...secret, 'X-License-Key': 'K1' })).toMatchObject({ status: 'queued' })
    expect((await api.submit({}, secret)).json).toMatchObject({ code: 7, reason: 'license_missing' })
  })
})

describe('task/status', () => {
  it('goes with what the worker says, to the end', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    expect(await api.status(id)).toMatchObject({ status: 'queued' })
    await worker.accept()
    worker.send({ type: 'gpu.task.progress', task_id: id, status: 'synthesizing', progress: 40, current_frame: 4, total_frames: 10, engine: 'mux' })
    expect(await api.until(id, 'synthesizing')).toMatchObject({ progress: 40, current_frame: 4, total_frames: 10, engine: 'mux', queue_position: 0 })
    worker.send({ type: 'gpu.task.progress', task_id: id, status: 'done', progress: 100 })
    await worker.expect('gpu.task.ack')
    expect(await api.status(id)).toMatchObject({ status: 'done', progress: 100, error: '' })
  })

  it('carries the worker’s error', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    await api.submit()
    const id = await worker.accept()
    worker.send({ type: 'gpu.task.progress', task_id: id, status: 'error', error: '存在多人脸', error_code: 'multiple_faces' })
    await worker.expect('gpu.task.ack')
    expect(await api.status(id)).toMatchObject({ status: 'error', progress: 0, error: '存在多人脸', error_code: 'multiple_faces' })
  })

  it('answers an unknown task, and another license’s, in the same words: with an end to asking', async () => {
    await start()
    const id = (await api.submit()).json.data.task_id as string
    const unknown = await api.ask('GET', 'task/status?task_id=heygem_0')
    expect(unknown).toMatchObject({
      status: 200,
      json: { code: 0, reason: 'task_unknown', data: { task_id: 'heygem_0', status: 'error', error: 'the task is unknown', error_code: 'task_unknown' } },
    })
    const foreign = await api.ask('GET', `task/status?task_id=${id}`, undefined, { Authorization: 'Bearer K2' })
    expect(foreign.text.replaceAll(id, 'heygem_0')).toBe(unknown.text)
  })

  it('wants an id and a license', async () => {
    await start()
    expect((await api.ask('GET', 'task/status')).json).toMatchObject({ code: 7, reason: 'bad_request' })
    expect((await api.ask('GET', 'task/status?task_id=1', undefined, { Authorization: '' })).json).toMatchObject({ code: 7, reason: 'license_missing' })
  })

  it('tells places in the queue', async () => {
    await start()
    const ids = []
    for (let n = 0; n < 3; n += 1) ids.push((await api.submit()).json.data.task_id as string)
    expect((await Promise.all(ids.map((id) => api.status(id)))).map((data) => data.queue_position)).toEqual([1, 2, 3])
  })
})

describe('everything else', () => {
  it('says what it can do, to anyone', async () => {
    await start()
    const reply = await api.ask('GET', 'capabilities', undefined, { Authorization: '' })
    expect(capabilitiesReplySchema.parse(reply.json.data)).toMatchObject({ stores_files: true, client_task_id: true })
  })

  it.each([
    ['GET', 'nothing', 404],
    ['GET', 'task/submit', 405],
  ])('answers %s %s in JSON', async (method, path, status) => {
    await start()
    expect(await api.ask(method, path)).toMatchObject({ status, json: { code: status, msg: expect.any(String), message: expect.any(String) } })
  })
})
