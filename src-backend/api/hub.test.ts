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

  it('gives what a lost worker held to the next one when its lease has ended, with the progress it had', async () => {
    await start({ times: { leaseMs: 40 } })
    const lost = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    const { lease } = await lost.acceptJob()
    lost.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'synthesizing', progress: 40 })
    await api.until(id, 'synthesizing')
    lost.ws.terminate()
    expect(await api.until(id, 'queued')).toMatchObject({ progress: 40, queue_position: 1 })
    const next = await TestPeer.worker(api.hubUrl)
    expect(await next.accept()).toBe(id)
  })

  it('stops a worker that took a task and fell silent, and does not take its word for it any more', async () => {
    await start({ times: { leaseMs: 40 } })
    const silent = await TestPeer.worker(api.hubUrl)
    await api.submit()
    const { id, lease } = await silent.acceptJob()
    expect(await silent.expect('gpu.job.cancel')).toMatchObject({ request_id: id, reason: 'lease_lost' })
    const next = await TestPeer.worker(api.hubUrl)
    const taken = await next.acceptJob()
    expect(taken.id).toBe(id)
    silent.send({ type: 'gpu.task.progress', task_id: id, lease, status: 'done' })
    await silent.expect('gpu.task.ack')
    expect((await api.status(id)).status).not.toBe('done')
    next.send({ type: 'gpu.task.progress', task_id: id, lease: taken.lease, status: 'done' })
    await api.until(id, 'done')
  })

  it('leaves a task to a worker that says it has it, however long it has no news', async () => {
    await start({ times: { leaseMs: 500 } })
    const worker = await TestPeer.worker(api.hubUrl)
    await api.submit()
    const { id, lease } = await worker.acceptJob()
    const beating = setInterval(() => {
      worker.send({ type: 'gpu.worker.heartbeat', tasks: [{ task_id: id, lease }] })
    }, 10)
    const other = await TestPeer.worker(api.hubUrl)
    const leases: unknown[] = []
    // Until several leases would have ended.
    for (const until = Date.now() + 1200; Date.now() < until; ) leases.push((await api.status(id)).status)
    clearInterval(beating)
    expect(new Set(leases)).toEqual(new Set(['queued']))
    worker.send({ type: 'gpu.worker.heartbeat', tasks: [{ task_id: id, lease: 'another' }] })
    expect(await worker.expect('gpu.job.cancel')).toMatchObject({ request_id: id, reason: 'lease_lost' })
    await other.close()
  })

  it('ends a task that loses one worker after another', async () => {
    await start({ times: { leaseMs: 20 } })
    const id = (await api.submit()).json.data.task_id as string
    for (let n = 0; n < 4; n += 1) {
      const worker = await TestPeer.worker(api.hubUrl)
      expect(await worker.accept()).toBe(id)
      worker.ws.terminate()
    }
    expect(await api.until(id, 'error')).toMatchObject({ error_code: 'worker_lost' })
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
    const held: { id: string; lease: string }[] = []
    for (let n = 0; n < 3; n += 1) {
      await api.submit()
      held.push(await worker.acceptJob())
    }
    const waiting = (await api.submit()).json.data.task_id as string
    worker.ws.terminate()
    const report = { progress: 0, message: '', total_frames: 0, current_frame: 0, queue_position: 0, error: '' }
    const back = await TestPeer.worker(api.hubUrl, {
      slots: 2,
      tasks: [
        { ...report, task_id: held[0]!.id, lease: held[0]!.lease, status: 'done' },
        { ...report, task_id: held[1]!.id, lease: held[1]!.lease, status: 'synthesizing', progress: 70 },
        { ...report, task_id: held[2]!.id, lease: 'of long ago', status: 'synthesizing' },
        { ...report, task_id: 'heygem_forgotten', status: 'error' },
      ],
    })
    expect(await back.expect('gpu.task.ack')).toMatchObject({ task_id: held[0]!.id })
    expect(await back.expect('gpu.job.cancel')).toMatchObject({ request_id: held[2]!.id, reason: 'lease_lost' })
    expect(await back.expect('gpu.task.ack')).toMatchObject({ task_id: 'heygem_forgotten' })
    expect(await back.accept()).toBe(waiting)
    expect(await api.status(held[0]!.id)).toMatchObject({ status: 'done' })
    expect(await api.status(held[1]!.id)).toMatchObject({ status: 'synthesizing', progress: 70 })
  })

  it('ends a task that its worker refuses', async () => {
    await start()
    const worker = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    const { lease } = (await worker.expect('gpu.job.submit')) as { lease: string }
    const refusal = { task_type: 'heygem_submit', request_id: id, lease, error: true, error_msg: 'no such codec', error_code: 'audio_unreadable' }
    // The older name of the message, as the contract has it.
    worker.send({ type: 'gpu_task_result', ...refusal })
    expect(await api.until(id, 'error')).toMatchObject({ error: 'no such codec', error_code: 'audio_unreadable' })
  })

  it('lets a task wait whose files a worker lacks, offers it to others meanwhile, and again when they come', async () => {
    await start({ times: { inputsRetryMs: 60_000 } })
    const without = await TestPeer.worker(api.hubUrl)
    const id = (await api.submit()).json.data.task_id as string
    const lack = async (worker: TestPeer) => {
      const { lease } = (await worker.expect('gpu.job.submit')) as { lease: string }
      worker.send({ type: 'gpu.job.result', task_type: 'heygem_submit', request_id: id, lease, error: true, error_msg: 'no audio', error_code: 'input_missing' })
    }
    await lack(without)
    while ((await api.status(id)).message !== 'waiting for its files') await new Promise(setImmediate)
    const second = await TestPeer.worker(api.hubUrl)
    await lack(second)
    // A task behind it is not held up.
    const next = (await api.submit()).json.data.task_id as string
    expect(await without.accept()).toBe(next)
    without.send({ type: 'gpu.task.progress', task_id: next, status: 'done' })
    await without.expect('gpu.task.ack')
    expect(await api.status(id)).toMatchObject({ status: 'queued', message: 'waiting for its files', error: '' })
    without.send({ type: 'gpu.inputs.there', hashes: ['a'.repeat(32)] })
    // Of the two that are free it is either.
    const taken = await Promise.race([without.accept(), second.accept()])
    expect(taken).toBe(id)
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

  it('gives out after a restart what nobody has any more', async () => {
    await start({ times: { leaseMs: 40 } })
    const id = (await api.submit()).json.data.task_id as string
    const lost = await TestPeer.worker(api.hubUrl)
    await lost.accept()
    await api.stop()
    await start({ dir: api.dir, times: { leaseMs: 40 } })
    expect(await (await TestPeer.worker(api.hubUrl)).accept()).toBe(id)
  })

  it('is at one address only', async () => {
    await start()
    const ws = new WebSocket(api.hubUrl.replace('/dsp', '/other'))
    const error = await new Promise<Error>((resolve) => ws.once('error', resolve))
    expect(error.message).toContain('404')
  })
})
