import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startTestApi, TestPeer, workerSecret, type TestApi, type TestApiOptions } from './test-api'

describe('the hub', () => {
  let api: TestApi
  const start = async (options?: TestApiOptions) => (api = await startTestApi(options))
  afterEach(() => api.remove())

  it('greets, answers pings before any registration, and each connection has another number', async () => {
    await start()
    const [first, second] = [await TestPeer.connect(api.hubUrl), await TestPeer.connect(api.hubUrl)]
    const fds = [(await first.expect('connected')).fd, (await second.expect('connected')).fd]
    expect(fds[0]).not.toBe(fds[1])
    first.send({ type: 'ping' })
    await first.expect('pong')
  })

  it.each([
    ['not JSON', 'hello', 'not JSON'],
    ['an unknown type', '{"type":"gpu.fly"}', 'unknown message type'],
    ['no type', '{}', 'unknown message type'],
    ['a wrong shape', '{"type":"gpu.task.progress","task_id":5}', 'bad message at task_id'],
    ['what only the server says', '{"type":"registered"}', 'not for the server: registered'],
    ['progress from nobody', '{"type":"gpu.task.progress","task_id":"1","status":"done"}', 'not registered'],
  ])('answers %s with an error in both fields', async (_what, text, reason) => {
    await start()
    const peer = await TestPeer.connect(api.hubUrl)
    await peer.expect('connected')
    peer.send(text)
    expect(await peer.next()).toEqual({ type: 'error', msg: reason, message: reason })
  })

  it('lets no worker in without the secret', async () => {
    await start()
    const id = (await api.submit()).json.data.task_id as string
    for (const secret of ['', 'guess']) {
      const peer = await TestPeer.connect(api.hubUrl)
      await peer.expect('connected')
      peer.send({ type: 'register', role: 'worker', secret, capabilities: ['heygem_submit'] })
      expect(await peer.next()).toMatchObject({ type: 'error', msg: expect.stringContaining('secret') })
      peer.send({ type: 'gpu.task.progress', task_id: id, status: 'done' })
      expect(await peer.next()).toMatchObject({ type: 'error', msg: 'not registered' })
    }
    expect(await api.status(id)).toMatchObject({ status: 'queued' })
    expect(api.said.join()).not.toContain(workerSecret)
  })

  it('gives what waits to the worker that comes, one at a time, oldest first', async () => {
    await start()
    const ids = []
    for (let n = 0; n < 3; n += 1) ids.push((await api.submit()).json.data.task_id as string)
    const worker = await TestPeer.worker(api.hubUrl)
    for (const id of ids) {
      expect(await worker.accept()).toBe(id)
      worker.send({ type: 'gpu.task.progress', task_id: id, status: 'done' })
      await worker.expect('gpu.task.ack')
    }
    expect(await api.status(ids[2]!)).toMatchObject({ status: 'done' })
  })

  it('gives a task to one worker only', async () => {
    await start()
    const workers = [await TestPeer.worker(api.hubUrl), await TestPeer.worker(api.hubUrl)]
    const submitted = [(await api.submit()).json.data.task_id as string, (await api.submit()).json.data.task_id as string]
    const taken = await Promise.all(workers.map((worker) => worker.accept()))
    expect(taken.sort()).toEqual(submitted.sort())
  })

  it('gives no renders to a worker of another kind', async () => {
    await start()
    await TestPeer.worker(api.hubUrl, { capabilities: ['url'] })
    const id = (await api.submit()).json.data.task_id as string
    const able = await TestPeer.worker(api.hubUrl)
    expect(await able.accept()).toBe(id)
  })

  it('gives what a lost worker held to the next one, with the progress it had', async () => {
    await start()
    const lost = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    await lost.accept()
    lost.send({ type: 'gpu.task.progress', task_id: id, status: 'synthesizing', progress: 40 })
    await api.until(id, 'synthesizing')
    lost.ws.terminate()
    expect(await api.until(id, 'queued')).toMatchObject({ progress: 40, queue_position: 1 })
    const next = await TestPeer.worker(api.hubUrl)
    expect(await next.accept()).toBe(id)
  })

  it('drops a worker that does not take its task, and gives the task to another', async () => {
    await start({ times: { acceptMs: 20 } })
    const deaf = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    await deaf.expect('gpu.job.submit')
    await deaf.closed
    const next = await TestPeer.worker(api.hubUrl)
    expect(await next.accept()).toBe(id)
  })

  it('drops a peer that is silent, and keeps one that answers', async () => {
    await start({ times: { pingMs: 30 } })
    const answering = await TestPeer.worker(api.hubUrl)
    const silent = await TestPeer.connect(api.hubUrl, { autoPong: false })
    await silent.closed
    answering.send({ type: 'ping' })
    await answering.expect('pong')
  })

  it('takes down what a worker says when it comes back, and gives nobody else what it still has', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl, { slots: 3 })
    const ids: string[] = []
    for (let n = 0; n < 3; n += 1) {
      await api.submit()
      ids.push(await worker.accept())
    }
    worker.ws.terminate()
    for (const id of ids) await api.until(id, 'queued')
    const report = { progress: 0, message: '', total_frames: 0, current_frame: 0, queue_position: 0, error: '' }
    const back = await TestPeer.worker(api.hubUrl, {
      slots: 2,
      tasks: [
        { ...report, task_id: ids[0]!, status: 'done' },
        { ...report, task_id: ids[1]!, status: 'synthesizing', progress: 70 },
        { ...report, task_id: 'heygem_forgotten', status: 'error' },
      ],
    })
    // What need not be told again: ended, or unknown here. Then what is new to it.
    expect([(await back.expect('gpu.task.ack')).task_id, (await back.expect('gpu.task.ack')).task_id]).toEqual([ids[0], 'heygem_forgotten'])
    expect(await back.accept()).toBe(ids[2])
    expect(await api.status(ids[0]!)).toMatchObject({ status: 'done' })
    expect(await api.status(ids[1]!)).toMatchObject({ status: 'synthesizing', progress: 70 })
  })

  it('ends a task that its worker refuses', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    await worker.expect('gpu.job.submit')
    const refusal = { task_type: 'heygem_submit', request_id: id, error: true, error_msg: 'no audio', error_code: 'input_missing' }
    // The older name of the message, as the contract has it.
    worker.send({ type: 'gpu_task_result', ...refusal })
    expect(await api.until(id, 'error')).toMatchObject({ error: 'no audio', error_code: 'input_missing' })
  })

  it('takes a result that went through PHP', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    await worker.expect('gpu.job.submit')
    worker.send(JSON.stringify({ type: 'gpu.job.result', task_type: 'heygem_submit', request_id: id, result: [] }))
    worker.send({ type: 'gpu.task.progress', task_id: id, status: 'processing' })
    await api.until(id, 'processing')
  })

  it('names the id under which the GPU server knows the task, when it is another', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    await worker.expect('gpu.job.submit')
    worker.send({ type: 'gpu.job.result', task_type: 'heygem_submit', request_id: id, result: { task_id: 'c0ffee' } })
    worker.send({ type: 'gpu.task.progress', task_id: id, status: 'processing' })
    expect(await api.until(id, 'processing')).toMatchObject({ gpu_task_id: 'c0ffee' })
  })

  it('gives out after a crash what nobody has', async () => {
    await start()
    const id = (await api.submit()).json.data.task_id as string
    const lost = await TestPeer.worker(api.hubUrl)
    await lost.accept()
    lost.send({ type: 'gpu.task.progress', task_id: id, status: 'processing' })
    await api.until(id, 'processing')
    // The first one never learns that its worker has gone: as if it had been killed.
    const crashed = api
    await start({ dir: api.dir })
    expect(await api.status(id)).toMatchObject({ status: 'queued' })
    expect(await (await TestPeer.worker(api.hubUrl)).accept()).toBe(id)
    await crashed.stop()
  })

  it('is at one address only', async () => {
    await start()
    const ws = new WebSocket(api.hubUrl.replace('/dsp', '/other'))
    const error = await new Promise<Error>((resolve) => ws.once('error', resolve))
    expect(error.message).toContain('404')
  })
})
