import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { md5Of } from '../test-media'
import { EngineFailure } from './engine'
import { startTestGpu, type TestGpu, type TestGpuOptions } from './test-gpu'

describe('the worker', () => {
  let gpu: TestGpu
  const start = async (options?: TestGpuOptions) => (gpu = await startTestGpu(options))
  afterEach(() => gpu.remove())

  it('renders one after another, in the order of submission', async () => {
    await start()
    const ids = []
    for (const audio of ['1', '2', '3']) ids.push((await gpu.submit({}, audio)).json.data.task_id as string)
    for (const id of ids) {
      const render = await gpu.hand.next()
      expect(gpu.tasks.counts().processing).toBe(1)
      expect(render.request.taskId).toBe(id)
      await render.finish()
    }
    await gpu.until(ids[2]!, 'done')
    expect(gpu.hand.rendered).toEqual(ids)
  })

  it('renders the same files once for two who ask at the same time', async () => {
    await start()
    const first = (await gpu.submit({ license_key: '1' })).json.data.task_id as string
    const second = (await gpu.submit({ license_key: '2' })).json.data.task_id as string
    await (await gpu.hand.next()).finish()
    await Promise.all([gpu.until(first, 'done'), gpu.until(second, 'done')])
    expect(gpu.hand.rendered).toEqual([first])
  })

  it('keeps what the engine said, and goes on with the next', async () => {
    await start()
    const bad = (await gpu.submit({}, 'bad')).json.data.task_id as string
    const good = (await gpu.submit({}, 'good')).json.data.task_id as string
    ;(await gpu.hand.next()).fail(new EngineFailure('multiple_faces', 'there is more than one face'))
    await (await gpu.hand.next()).finish()
    await gpu.until(good, 'done')
    const reply = await gpu.ask('GET', `progress?task_id=${bad}`)
    expect(reply.json.data).toMatchObject({ status: 'error', progress: 0, error: 'there is more than one face', error_code: 'multiple_faces' })
  })

  it('says so when an input has gone before its turn', async () => {
    await start()
    await gpu.submit({}, 'first')
    const render = await gpu.hand.next()
    const id = (await gpu.submit({}, 'second')).json.data.task_id as string
    await rm(join(gpu.dir, 'store', `${md5Of('second')}.wav`))
    await render.finish()
    await gpu.until(id, 'failed')
    expect(gpu.tasks.find(id)?.state).toMatchObject({ code: 'input_missing' })
  })

  it('lets tasks wait until the engine is ready', async () => {
    await start()
    const first = (await gpu.submit({}, 'first')).json.data.task_id as string
    const render = await gpu.hand.next()
    gpu.hand.current = { ready: false, reason: 'gone' }
    await render.finish()
    await gpu.until(first, 'done')
    const id = (await gpu.submit({}, 'second')).json.data.task_id as string
    expect(gpu.tasks.find(id)?.state.kind).toBe('queued')
    gpu.hand.current = { ready: true }
    await (await gpu.hand.next()).finish()
    await gpu.until(id, 'done')
  })

  it('leaves a task that is cut off by the end to the next start', async () => {
    await start()
    const id = (await gpu.submit()).json.data.task_id as string
    await gpu.hand.next()
    await gpu.stop()
    await start({ dir: gpu.dir })
    const render = await gpu.hand.next()
    expect(render.request.taskId).toBe(id)
    await render.finish()
    await gpu.until(id, 'done')
  })
})
