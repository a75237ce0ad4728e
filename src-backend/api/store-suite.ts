// What every TaskStore must do. Each implementation's test runs all of it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TaskStore } from './store'
import type { ApiTask } from './task'

export interface StoreUnderTest {
  /** A store on the same data each time: the second finds what the first kept, though the first was never closed. */
  open(): Promise<TaskStore>
  remove(): Promise<void>
}

export const storedTask = (id: string, more: Partial<ApiTask> = {}): ApiTask => ({
  ...{ id, owner: 'o', createdAt: Date.now(), percent: 0, frame: 0, totalFrames: 0 },
  inputs: { audioHash: 'a', audioExt: '.wav', videoHash: 'v', videoExt: '.mp4' },
  state: { kind: 'queued' },
  ...more,
})

const done = (task: ApiTask): ApiTask => ({ ...task, state: { kind: 'done', finishedAt: 1 } })

export function describeTaskStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a task store`, () => {
    let under: StoreUnderTest
    let store: TaskStore
    let opened: TaskStore[]
    const open = async (): Promise<TaskStore> => {
      const fresh = await under.open()
      opened.push(fresh)
      return fresh
    }
    beforeEach(async () => {
      under = await make()
      opened = []
      store = await open()
    })
    afterEach(async () => {
      for (const each of opened) await each.close()
      await under.remove()
    })

    it('finds what it was given, and nothing else', async () => {
      const task = storedTask('1', { clientTaskId: 'job' })
      expect(await store.create(task)).toEqual({ task, created: true })
      expect(await store.find('1')).toEqual(task)
      expect(await store.find('2')).toBeUndefined()
    })

    it('keeps one task for a client id, of many at once', async () => {
      const tries = await Promise.all(['1', '2', '3'].map((id) => store.create(storedTask(id, { clientTaskId: 'job' }))))
      expect(tries.filter((each) => each.created)).toHaveLength(1)
      expect(new Set(tries.map((each) => each.task.id)).size).toBe(1)
    })

    it('keeps one for each owner, and as many as are asked for without a client id', async () => {
      const tries = [
        await store.create(storedTask('1', { clientTaskId: 'job' })),
        await store.create(storedTask('2', { clientTaskId: 'job', owner: 'other' })),
        await store.create(storedTask('3')),
        await store.create(storedTask('4')),
      ]
      expect(tries.map((each) => each.created)).toEqual([true, true, true, true])
    })

    it('changes a task, or says that nothing changed, or that there is none', async () => {
      const task = storedTask('1')
      await store.create(task)
      expect(await store.update('1', done)).toEqual({ task: done(task), changed: true })
      expect(await store.find('1')).toEqual(done(task))
      expect(await store.update('1', (same) => same)).toEqual({ task: done(task), changed: false })
      expect(await store.update('2', done)).toBeUndefined()
    })

    it('loses no change of many at once', async () => {
      await store.create(storedTask('1'))
      const count = (task: ApiTask): ApiTask => ({ ...task, frame: task.frame + 1 })
      await Promise.all(Array.from({ length: 20 }, () => store.update('1', count)))
      expect((await store.find('1'))?.frame).toBe(20)
    })

    it('lists what has not ended, oldest first', async () => {
      for (const id of ['b', 'a', 'c']) await store.create(storedTask(id))
      await store.update('a', done)
      expect((await store.unfinished()).map((task) => task.id)).toEqual(['b', 'c'])
    })

    it('has everything again after a restart without a goodbye', async () => {
      const task = storedTask('1', { clientTaskId: 'job' })
      await store.create(task)
      await store.create(storedTask('2'))
      await store.update('2', done)
      const again = await open()
      expect(await again.create(storedTask('3', { clientTaskId: 'job' }))).toEqual({ task, created: false })
      expect((await again.unfinished()).map((each) => each.id)).toEqual(['1'])
      expect((await again.find('2'))?.state.kind).toBe('done')
    })
  })
}
