import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { md5Of } from '../test-media'
import { InputNotThere, type InputSource } from './fetch-input'
import { takeOrder, type TakenOrder } from './take-order'
import { startTestGpu, type TestGpu } from './test-gpu'
import { toProgress } from './task-wire'

const inputs = { audioHash: md5Of('audio'), videoHash: md5Of('video') }

describe('a task of the hub whose files are not here', () => {
  let gpu: TestGpu
  afterEach(() => gpu.remove())

  const order = (hubId: string | undefined = 'heygem_1'): Promise<TakenOrder> =>
    takeOrder({ ...gpu, fetchesInputs: true }, { hubId, owner: '', clientTaskId: undefined, inputs })
  /** Puts into the store what is asked for. */
  const fetching = (asked: string[], before: () => Promise<void> = async () => undefined): InputSource => ({
    async fetch(hash) {
      asked.push(hash)
      await before()
      const content = hash === inputs.audioHash ? 'audio' : 'video'
      await writeFile(join(gpu.dir, 'store', `${hash}.mp4`), content)
    },
  })

  it('is taken, gets them, and is rendered', async () => {
    const asked: string[] = []
    gpu = await startTestGpu({ inputs: fetching(asked) })
    const { task } = await order()
    const render = await gpu.hand.next()
    expect(render.request.video).toContain(inputs.videoHash)
    await render.finish()
    await gpu.until(task.id, 'done')
    expect(asked.sort()).toEqual([inputs.audioHash, inputs.videoHash].sort())
    expect(gpu.tasks.neededInputs()).toEqual([])
  })

  it('says that it gets them, and keeps those it has', async () => {
    let goOn: () => void = () => undefined
    const held = new Promise<void>((resolve) => (goOn = resolve))
    gpu = await startTestGpu({ inputs: fetching([], () => held) })
    const told = new Promise<string>((resolve) => {
      gpu.tasks.subscribe((task) => {
        if (task.fetching) resolve(toProgress(task, gpu.tasks, 'hand').message)
      })
    })
    await order()
    expect(await told).toBe('fetching its files')
    expect(gpu.tasks.neededInputs()).toEqual([inputs.audioHash, inputs.videoHash])
    goOn()
    await (await gpu.hand.next()).finish()
  })

  it('goes back for want of them, and runs when it is given out again', async () => {
    const asked: string[] = []
    let there = false
    const source = fetching(asked)
    gpu = await startTestGpu({ inputs: { fetch: async (hash, signal) => (there ? source.fetch(hash, signal) : Promise.reject(new InputNotThere('not now'))) } })
    const { task } = await order()
    await gpu.until(task.id, 'failed')
    expect(gpu.tasks.find(task.id)).toMatchObject({ told: false, state: { code: 'input_missing', message: 'not now' } })
    there = true
    expect((await order()).task.id).toBe(task.id)
    await (await gpu.hand.next()).finish()
    await gpu.until(task.id, 'done')
  })

  it('is refused at once where it came directly, and runs when it is asked for again with its files', async () => {
    const asked: string[] = []
    gpu = await startTestGpu({ inputs: fetching(asked) })
    const body = { audio_hash: inputs.audioHash, video_hash: inputs.videoHash, client_task_id: 'job' }
    expect(await gpu.ask('POST', 'submit', body)).toMatchObject({ status: 404 })
    expect((await gpu.submit({ client_task_id: 'job' })).json.code).toBe(0)
    await (await gpu.hand.next()).finish()
    expect(asked).toEqual([])
  })
})
