import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { gpuSubmitReplySchema, healthReplySchema, progressReplySchema } from '../../src-shared/gpu-contract'
import { md5Of } from '../test-media'
import { startTestGpu, type TestGpu, type TestGpuOptions } from './test-gpu'

let gpu: TestGpu
const start = async (options?: TestGpuOptions) => (gpu = await startTestGpu(options))
afterEach(() => gpu.remove())

/** A task whose result is these bytes. */
async function rendered(content = '0123456789'): Promise<string> {
  const id = (await gpu.submit()).json.data.task_id as string
  await (await gpu.hand.next()).finish(content)
  await gpu.until(id, 'done')
  return id
}

describe('authentication and envelopes', () => {
  it.each(['Bearer s3cret', 'bearer  s3cret ', 's3cret'])('lets %s in', async (Authorization) => {
    await start({ secret: 's3cret' })
    expect(await gpu.ask('POST', 'check_files', {}, { Authorization })).toMatchObject({ status: 200, json: { code: 0, data: {} } })
  })

  it.each(['', 'Bearer other', 'Bearer', 's3cre', 'Basic s3cret'])('keeps %j out with a JSON 401', async (Authorization) => {
    await start({ secret: 's3cret' })
    for (const path of ['progress?task_id=1', 'download?task_id=1', 'queue']) {
      const reply = await gpu.ask('GET', path, undefined, { Authorization })
      expect(reply).toMatchObject({ status: 401, json: { code: 401, msg: expect.any(String), message: expect.any(String) } })
    }
    for (const path of ['check_files', 'upload_file', 'submit']) {
      expect((await gpu.ask('POST', path, {}, { Authorization })).status).toBe(401)
    }
  })

  it('tells health without a secret, flat and under data', async () => {
    await start({ secret: 's3cret' })
    const reply = await gpu.ask('GET', 'health', undefined, { Authorization: '' })
    const queue = { total_tasks: 0, processing: 0, queued: 0, max_concurrent: 1 }
    expect(reply.json).toMatchObject({ code: 0, msg: 'ok', initialized: true, queue, data: { initialized: true, queue } })
    expect(healthReplySchema.parse(reply.json)).toMatchObject({ engine: 'hand', engine_error: '' })
  })

  it('says why the engine is not ready', async () => {
    await start()
    gpu.hand.current = { ready: false, reason: 'ffmpeg missing: cannot run ffmpeg' }
    const reply = await gpu.ask('GET', 'health')
    expect(reply).toMatchObject({
      status: 200,
      json: { code: 0, msg: 'ffmpeg missing: cannot run ffmpeg', initialized: false, engine_error: 'ffmpeg missing: cannot run ffmpeg' },
    })
  })

  it.each<[string, string, unknown, number]>([
    ['GET', 'nothing-here', undefined, 404],
    ['GET', 'submit', undefined, 405],
    ['DELETE', 'progress', undefined, 405],
    ['POST', 'submit', '', 400],
    ['POST', 'submit', '{"audio', 400],
    ['POST', 'submit', '[]', 400],
    ['POST', 'submit', 'null', 400],
    ['POST', 'submit', { audio_hash: 5, video_hash: md5Of('v') }, 400],
    ['POST', 'submit', { audio_hash: null, video_hash: md5Of('v') }, 400],
    ['POST', 'submit', { audio_hash: md5Of('a'), video_hash: md5Of('v'), sender_fd: 'x' }, 400],
    ['POST', 'submit', { audio_hash: '', video_hash: md5Of('v') }, 400],
    ['POST', 'submit', { audio_hash: '../x', video_hash: md5Of('v') }, 400],
    ['POST', 'submit', { audio_hash: md5Of('a'), video_hash: md5Of('v'), video_ext: '.sh' }, 400],
    ['POST', 'check_files', { files: [1] }, 400],
    ['POST', 'check_files', { files: Array.from({ length: 1001 }, () => ({ hash: 'a' })) }, 400],
    ['POST', 'check_files', `"${'x'.repeat(1_200_000)}"`, 413],
    ['GET', 'progress', undefined, 400],
    ['GET', 'progress?task_id=', undefined, 400],
    ['GET', 'progress?task_id=a&task_id=b', undefined, 400],
    ['GET', 'progress?task_id=unknown', undefined, 404],
    ['GET', 'download', undefined, 400],
    ['GET', 'download?task_id=unknown', undefined, 404],
  ])('%s %s %j: JSON with status and code', async (method, path, body, status) => {
    await start()
    const reply = await gpu.ask(method, path, body)
    expect(reply).toMatchObject({ status, json: { code: status, msg: expect.any(String) } })
    expect(reply.headers.get('content-type')).toContain('application/json')
    expect(reply.headers.get('access-control-allow-origin')).toBe('*')
  }, 10_000)

  it('answers in JSON an address that is malformed', async () => {
    await start()
    expect(await gpu.ask('GET', '%zz')).toMatchObject({ status: 400, json: { code: 400 } })
  })

  it('answers in JSON what is not HTTP at all', async () => {
    await start()
    const socket = connect(Number(new URL(gpu.url).port), '127.0.0.1')
    const text = await new Promise<string>((resolve) => {
      let said = ''
      socket.on('data', (data) => (said += data.toString()))
      socket.on('close', () => {
        resolve(said)
      })
      socket.write('NONSENSE\r\n\r\n')
    })
    expect(text).toMatch(/^HTTP\/1.1 400 /)
    expect(text).toContain('{"code":400,')
  })

  it('reads JSON whatever it is called', async () => {
    await start()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', 'application/json; charset=utf-8']) {
      const reply = await gpu.ask('POST', 'check_files', '{"files":[{"hash":"a"},{"hash":" "}]}', { 'Content-Type': type })
      expect(reply.json, type).toEqual({ code: 0, data: { a: false } })
    }
  })

  it('answers a browser asking beforehand, without the secret', async () => {
    await start({ secret: 's3cret' })
    const reply = await gpu.ask('OPTIONS', 'submit', undefined, { Authorization: '' })
    expect(reply.status).toBe(200)
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'Authorization, Content-Type, Range',
      'access-control-expose-headers': 'Content-Length, Content-Range, Accept-Ranges, Content-Disposition',
    })
  })
})

describe('submit and progress', () => {
  it('renders what was submitted', async () => {
    await start()
    const reply = await gpu.submit()
    expect(reply.json).toMatchObject({ code: 0, data: { task_id: expect.stringMatching(/^[0-9a-f]{16}$/), queue: { total_tasks: 1 } } })
    const id = gpuSubmitReplySchema.parse(reply.json.data).task_id
    const render = await gpu.hand.next()
    render.request.report({ frame: 5, totalFrames: 10 })
    const running = await gpu.ask('GET', `progress?task_id=${id}`)
    expect(progressReplySchema.parse(running.json.data)).toMatchObject({
      ...{ task_id: id, status: 'synthesizing', progress: 50, current_frame: 5, total_frames: 10, error: '', engine: 'hand' },
      finished_at: 0,
    })
    await render.finish()
    await gpu.until(id, 'done')
    const done = await gpu.ask('GET', `progress?task_id=${id}`)
    expect(done.json.data).toMatchObject({ status: 'done', progress: 100, current_frame: 10, queue: { total_tasks: 1, processing: 0 } })
    expect(done.json.data.finished_at).toBeGreaterThanOrEqual(done.json.data.started_at as number)
  })

  it('looks for the audio first, and says which is missing', async () => {
    await start()
    const body = { audio_hash: md5Of('audio'), video_hash: md5Of('video') }
    expect(await gpu.ask('POST', 'submit', body)).toMatchObject({ status: 404, json: { msg: expect.stringContaining('audio') } })
    await gpu.upload('audio', { hash: md5Of('audio'), ext: '.wav' })
    expect(await gpu.ask('POST', 'submit', body)).toMatchObject({ status: 404, json: { msg: expect.stringContaining('video') } })
  })

  it('refuses an Idempotency-Key without end instead of cutting it', async () => {
    await start()
    const reply = await gpu.ask('POST', 'submit', { audio_hash: md5Of('a'), video_hash: md5Of('v') }, { 'Idempotency-Key': 'x'.repeat(65) })
    expect(reply).toMatchObject({ status: 400, json: { msg: expect.stringContaining('Idempotency-Key') } })
  })

  it('answers the same task for the same client id, in the body or the header', async () => {
    await start()
    const first = (await gpu.submit({ client_task_id: 'job.1', license_key: 'k' })).json.data.task_id as string
    const body = { audio_hash: md5Of('audio'), video_hash: md5Of('video'), license_key: 'k' }
    const again = await gpu.ask('POST', 'submit', body, { 'Idempotency-Key': 'job.1' })
    expect(again.json.data.task_id).toBe(first)
    const others = await gpu.ask('POST', 'submit', { ...body, license_key: 'other', client_task_id: 'job.1' })
    expect(others.json.data.task_id).not.toBe(first)
  })

  it('refuses a client id that was used for other files', async () => {
    await start()
    await gpu.submit({ client_task_id: 'job' })
    const reply = await gpu.submit({ client_task_id: 'job' }, 'audio', 'another video')
    expect(reply).toMatchObject({ status: 400, json: { msg: expect.stringContaining('other files') } })
  })

  it('answers a repeat of what is rendered already with a task that is done, whatever else runs', async () => {
    await start()
    const first = await rendered()
    const other = (await gpu.submit({}, 'other audio')).json.data.task_id as string
    await gpu.hand.next()
    const reply = await gpu.submit()
    expect(reply.json.data).toMatchObject({ cached: true })
    const id = reply.json.data.task_id as string
    expect((await gpu.ask('GET', `progress?task_id=${id}`)).json.data).toMatchObject({ status: 'done', progress: 100 })
    expect(id).not.toBe(first)
    expect((await gpu.ask('GET', `download?task_id=${id}`)).text).toBe('0123456789')
    expect(gpu.hand.rendered).toEqual([first, other])
  })

  it('tells the place in the queue', async () => {
    await start()
    await gpu.submit()
    await gpu.hand.next()
    const second = (await gpu.submit({}, 'audio 2')).json.data.task_id as string
    const third = (await gpu.submit({}, 'audio 3')).json.data.task_id as string
    const positions = await Promise.all([second, third].map((id) => gpu.ask('GET', `progress?task_id=${id}`)))
    expect(positions.map((reply) => reply.json.data.queue_position as number)).toEqual([1, 2])
    const queue = (await gpu.ask('GET', 'queue')).json.data
    expect(queue).toMatchObject({ total_tasks: 3, processing: 1, queued: 2, max_concurrent: 1 })
    expect(queue.tasks[2]).toEqual({ task_id: third, status: 'queued', progress: 0, created_at: expect.any(Number) })
  })
})

describe('download', () => {
  it('sends the whole file with all that a player needs', async () => {
    await start()
    const id = await rendered()
    const reply = await gpu.ask('GET', `download?task_id=${id}`)
    expect(reply).toMatchObject({ status: 200, text: '0123456789' })
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '10',
      'content-disposition': `inline; filename=${id}.mp4`,
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[^"]+"$/),
      'last-modified': expect.stringMatching(/GMT$/),
    })
  })

  it('answers HEAD with the headers alone', async () => {
    await start()
    const id = await rendered()
    const reply = await gpu.ask('HEAD', `download?task_id=${id}`)
    expect([reply.status, reply.text, reply.headers.get('content-length'), reply.headers.get('etag')]).toEqual([
      ...[200, '', '10'],
      expect.stringMatching(/^"/),
    ])
  })

  it('sends a part, the end of it, and what continues the same bytes', async () => {
    await start()
    const id = await rendered()
    const get = (headers: Record<string, string>) => gpu.ask('GET', `download?task_id=${id}`, undefined, headers)
    const part = await get({ Range: 'bytes=2-4' })
    expect([part.status, part.text, part.headers.get('content-range')]).toEqual([206, '234', 'bytes 2-4/10'])
    expect((await get({ Range: 'bytes=-3' })).text).toBe('789')
    const etag = part.headers.get('etag')!
    expect(await get({ Range: 'bytes=5-', 'If-Range': etag })).toMatchObject({ status: 206, text: '56789' })
    expect(await get({ Range: 'bytes=5-', 'If-Range': '"another"' })).toMatchObject({ status: 200, text: '0123456789' })
    expect(await get({ 'If-None-Match': etag })).toMatchObject({ status: 304, text: '' })
  })

  it.each(['bytes=10-', 'bytes=0-1,3-4'])('refuses %s in JSON with 416', async (Range) => {
    await start()
    const id = await rendered()
    const reply = await gpu.ask('GET', `download?task_id=${id}`, undefined, { Range })
    expect(reply).toMatchObject({ status: 416, json: { code: 416 } })
    expect(reply.headers.get('content-range')).toBe('bytes */10')
  })

  it('keeps the ETag over a restart', async () => {
    await start()
    const id = await rendered()
    const before = await gpu.ask('HEAD', `download?task_id=${id}`)
    await gpu.stop()
    await start({ dir: gpu.dir })
    const after = await gpu.ask('HEAD', `download?task_id=${id}`)
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'))
  })

  it('says 400 with the status while it is not done, and when it failed', async () => {
    await start()
    const id = (await gpu.submit()).json.data.task_id as string
    const render = await gpu.hand.next()
    expect(await gpu.ask('GET', `download?task_id=${id}`)).toMatchObject({ status: 400, json: { msg: expect.stringContaining('processing') } })
    render.fail(new Error('no luck'))
    await gpu.until(id, 'failed')
    expect(await gpu.ask('GET', `download?task_id=${id}`)).toMatchObject({ status: 400, json: { msg: expect.stringContaining('error') } })
  })

  it('says 404 when the file has gone, and renders it again when asked to', async () => {
    await start()
    const id = (await gpu.submit({ client_task_id: 'job' })).json.data.task_id as string
    await (await gpu.hand.next()).finish()
    await gpu.until(id, 'done')
    await rm(gpu.results.pathOf(gpu.results.keyOf({ audioHash: md5Of('audio'), videoHash: md5Of('video') }, 'hand-1')))
    expect((await gpu.ask('GET', `download?task_id=${id}`)).status).toBe(404)
    const again = await gpu.submit({ client_task_id: 'job' })
    expect(again.json.data.task_id).toBe(id)
    await (await gpu.hand.next()).finish('again')
    await gpu.until(id, 'done')
    expect((await gpu.ask('GET', `download?task_id=${id}`)).text).toBe('again')
  })
})
