// What every TaskStore must do. Each implementation's test runs all of it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Created, TaskStore } from './store'
import type { ApiTask } from './task'

export interface StoreUnderTest {
  /** A store on the same data each time: the second finds what the first kept, though the first was never closed. */
  open(): Promise<TaskStore>
  remove(): Promise<void>
}

export const storedTask = (id: string, more: Partial<ApiTask> = {}): ApiTask => ({
  ...{ id, owner: 'o', createdAt: 1000, percent: 0, frame: 0, totalFrames: 0, losses: 0 },
  inputs: { audioHash: 'a', audioExt: '.wav', videoHash: 'v', videoExt: '.mp4' },
  state: { kind: 'queued', waitingFor: 'worker' },
  ...more,
})
const create = (store: TaskStore, task: ApiTask, waitingLimit = 100): Promise<Created> =>
  store.create({ task, licenseKey: `key of ${task.owner}`, waitingLimit })

const done = (task: ApiTask): ApiTask => ({ ...task, state: { kind: 'done', finishedAt: 1 } })
const lacking = (task: ApiTask): ApiTask => ({ ...task, state: { kind: 'queued', waitingFor: 'inputs' } })
const queued = (task: ApiTask): ApiTask => ({ ...task, state: { kind: 'queued', waitingFor: 'worker' } })
const assigned =
  (leaseUntil: number) =>
  (task: ApiTask): ApiTask => ({ ...task, state: { kind: 'assigned', worker: 'w', lease: 'l', leaseUntil, phase: 'sent', position: 0 } })
/** As a claim does: only what waits can be taken. */
const claimed = (task: ApiTask): ApiTask => (task.state.kind === 'queued' ? assigned(9)(task) : task)

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
      expect(await create(store, task)).toEqual({ kind: 'created', task })
      expect(await store.find('1')).toEqual(task)
      expect(await store.find('2')).toBeUndefined()
    })

    it('keeps one task for a client id, of many at once', async () => {
      const tries = await Promise.all(['1', '2', '3'].map((id) => create(store, storedTask(id, { clientTaskId: 'job' }))))
      expect(tries.map((each) => each.kind).sort()).toEqual(['created', 'existing', 'existing'])
      expect(new Set(tries.map((each) => each.kind !== 'full' && each.task.id)).size).toBe(1)
    })

    it('keeps one for each owner, and as many as are asked for without a client id', async () => {
      const tries = [
        await create(store, storedTask('1', { clientTaskId: 'job' })),
        await create(store, storedTask('2', { clientTaskId: 'job', owner: 'other' })),
        await create(store, storedTask('3')),
        await create(store, storedTask('4')),
      ]
      expect(tries.map((each) => each.kind)).toEqual(['created', 'created', 'created', 'created'])
    })

    it('takes no more waiting tasks of an owner than the limit, of many at once, and the same one again', async () => {
      const tries = await Promise.all(['1', '2', '3'].map((id) => create(store, storedTask(id, { clientTaskId: id }), 2)))
      expect(tries.map((each) => each.kind).sort()).toEqual(['created', 'created', 'full'])
      const [kept = ''] = tries.flatMap((each) => (each.kind === 'created' ? [each.task.id] : []))
      expect(await create(store, storedTask('4', { clientTaskId: kept }), 2)).toMatchObject({ kind: 'existing', task: { id: kept } })
      expect(await create(store, storedTask('5', { owner: 'other' }), 2)).toMatchObject({ kind: 'created' })
      await store.update(kept, assigned(5))
      expect(await create(store, storedTask('6'), 2)).toMatchObject({ kind: 'created' })
    })

    it('changes a task, or says that nothing changed, or that there is none', async () => {
      const task = storedTask('1')
      await create(store, task)
      expect(await store.update('1', done)).toEqual({ task: done(task), changed: true })
      expect(await store.find('1')).toEqual(done(task))
      expect(await store.update('1', (same) => same)).toEqual({ task: done(task), changed: false })
      expect(await store.update('2', done)).toBeUndefined()
    })

    it('loses no change of many at once', async () => {
      await create(store, storedTask('1'))
      const count = (task: ApiTask): ApiTask => ({ ...task, frame: task.frame + 1 })
      await Promise.all(Array.from({ length: 20 }, () => store.update('1', count)))
      expect((await store.find('1'))?.frame).toBe(20)
    })

    it('lets one of many take a task', async () => {
      await create(store, storedTask('1'))
      const claims = await Promise.all(Array.from({ length: 10 }, () => store.update('1', claimed)))
      expect(claims.filter((each) => each?.changed)).toHaveLength(1)
    })

    it('serves the oldest first, and the owners in turn', async () => {
      for (const id of ['b', 'a', 'c']) await create(store, storedTask(id))
      await create(store, storedTask('z', { owner: 'other', createdAt: 2000 }))
      expect(await store.waiting(10)).toEqual(['b', 'z', 'a', 'c'])
      expect(await store.waiting(2)).toEqual(['b', 'z'])
      expect(await Promise.all(['b', 'a', 'c', 'z', 'none'].map((id) => store.position(id)))).toEqual([1, 3, 4, 2, 0])
    })

    it('puts back in its place what was taken, and forgets what ended', async () => {
      for (const id of ['1', '2', '3']) await create(store, storedTask(id))
      await store.update('1', assigned(5))
      expect(await store.waiting(10)).toEqual(['2', '3'])
      await store.update('1', queued)
      await store.update('2', done)
      expect(await store.waiting(10)).toEqual(['1', '3'])
      expect(await store.position('2')).toBe(0)
    })

    it('knows whose lease has ended, and what waits since when', async () => {
      for (const [id, createdAt] of [['1', 100], ['2', 200], ['3', 300]] as const) await create(store, storedTask(id, { createdAt }))
      await store.update('1', assigned(50))
      await store.update('2', assigned(70))
      expect(await store.leasesEnded(49)).toEqual([])
      expect(await store.leasesEnded(50)).toEqual(['1'])
      await store.update('1', assigned(60))
      expect(await store.leasesEnded(55)).toEqual([])
      expect((await store.leasesEnded(70)).toSorted()).toEqual(['1', '2'])
      expect(await store.waitingSince(300)).toEqual([])
      expect(await store.waitingSince(301)).toEqual(['3'])
      await store.update('1', done)
      await store.update('2', queued)
      expect(await store.leasesEnded(1000)).toEqual([])
      expect(await store.waitingSince(201)).toEqual(['2'])
    })

    it('counts', async () => {
      for (const [id, createdAt] of [['1', 100], ['2', 200], ['3', 300], ['4', 400]] as const) await create(store, storedTask(id, { createdAt }))
      await store.update('1', lacking)
      await store.update('2', lacking)
      await store.update('3', assigned(1))
      expect(await store.counts(150)).toEqual({ waiting: 3, lacking: 2, lackingSince: 1, assigned: 1 })
      await store.update('1', queued)
      await store.update('2', done)
      await store.update('3', done)
      expect(await store.counts(0)).toEqual({ waiting: 2, lacking: 0, lackingSince: 0, assigned: 0 })
    })

    it('has everything again after a restart without a goodbye', async () => {
      const task = storedTask('1', { clientTaskId: 'job' })
      await create(store, task)
      await create(store, storedTask('2'))
      await store.update('2', done)
      await create(store, storedTask('4'))
      await store.update('4', assigned(5))
      const again = await open()
      expect(await create(again, storedTask('3', { clientTaskId: 'job' }))).toEqual({ kind: 'existing', task })
      expect(await again.waiting(10)).toEqual(['1'])
      expect(await again.leasesEnded(5)).toEqual(['4'])
      expect((await again.find('2'))?.state.kind).toBe('done')
    })
  })
}
