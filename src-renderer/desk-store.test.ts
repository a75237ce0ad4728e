import { beforeEach, describe, expect, it } from 'vitest'
import type { BridgeEvents, BridgeResult, DeskBridge, JobStateView, JobView, Snapshot } from '../src-shared/bridge-contract'
import { createDeskStore, type DeskStore } from './desk-store'

type Listeners = { [E in keyof BridgeEvents]: ((message: BridgeEvents[E]) => void)[] }

const job = (id: string, state: JobStateView, at = 1): JobView => ({
  id,
  name: id,
  createdAtMs: at,
  updatedAtMs: at,
  video: { name: 'v.mp4', ext: '.mp4', sizeBytes: 1, media: null, mediaUrl: '' },
  audio: { name: 'a.wav', ext: '.wav', sizeBytes: 1, media: null, mediaUrl: '' },
  state,
  taskId: null,
  stageStartedAtMs: {},
  sentBytes: 0,
  attempt: 1,
  submission: 1,
})
const rendering = (done: number): JobStateView => ({
  kind: 'rendering',
  progress: { unit: 'percent', done, total: 100, perSecond: null, secondsLeft: null, estimated: false },
})

let listeners: Listeners
let answer: (reply: BridgeResult<Snapshot>) => Promise<void>
let store: DeskStore

const settings = { theme: 'system' } as Snapshot['settings']
const snapshot = (jobs: readonly JobView[]): BridgeResult<Snapshot> => ({
  ok: true,
  value: { jobs, settings, service: { kind: 'starting' }, runtime: {} as Snapshot['runtime'] },
})

beforeEach(() => {
  listeners = { jobsChanged: [], settingsChanged: [], serviceChanged: [], noticed: [] }
  let resolve: (reply: BridgeResult<Snapshot>) => void
  const reply = new Promise<BridgeResult<Snapshot>>((done) => (resolve = done))
  answer = async (value) => {
    resolve(value)
    await reply
    await Promise.resolve()
  }
  const bridge = {
    getSnapshot: () => reply,
    on: <E extends keyof BridgeEvents>(event: E, listener: (message: BridgeEvents[E]) => void) => {
      listeners[event].push(listener)
      return () => {
        listeners[event] = listeners[event].filter((other) => other !== listener) as Listeners[E]
      }
    },
  } as unknown as DeskBridge
  store = createDeskStore(bridge)
})

const send = <E extends keyof BridgeEvents>(event: E, message: BridgeEvents[E]): void => listeners[event].forEach((listener) => listener(message))

describe('desk store', () => {
  it('is loading until the snapshot comes, then in sections', async () => {
    store.start()
    expect(store.getState().phase).toBe('loading')
    await answer(snapshot([job('q2', { kind: 'queued' }, 2), job('q1', { kind: 'waiting', position: 1 }, 1), job('r', rendering(1)), job('old', { kind: 'cancelled' }, 3), job('new', { kind: 'cancelled' }, 4)]))
    expect(store.getState().phase).toBe('ready')
    expect(store.getState().sections).toEqual({ queued: ['q1', 'q2'], running: ['r'], history: ['new', 'old'] })
  })

  it('says when the snapshot does not come', async () => {
    store.start()
    await answer({ ok: false, error: { code: 'not_now', detail: {} } })
    expect(store.getState()).toMatchObject({ phase: 'failed', failure: { code: 'not_now' } })
  })

  it('applies what overtook the snapshot after it', async () => {
    store.start()
    send('jobsChanged', { changed: [job('r', rendering(80))], removed: ['gone'] })
    send('serviceChanged', { kind: 'running', engine: 'mux' })
    await answer(snapshot([job('r', rendering(20)), job('gone', { kind: 'cancelled' })]))
    expect(store.getState().jobs.get('r')?.state).toEqual(rendering(80))
    expect(store.getState().jobs.has('gone')).toBe(false)
    expect(store.getState().snapshot?.service.kind).toBe('running')
  })

  it('keeps other rows and every list as they are when one job goes on', async () => {
    store.start()
    await answer(snapshot([job('a', rendering(1)), job('b', rendering(1)), job('c', { kind: 'queued' })]))
    const before = store.getState()
    send('jobsChanged', { changed: [job('a', rendering(2))], removed: [] })
    const after = store.getState()
    expect(after.sections).toBe(before.sections)
    expect(after.snapshot).toBe(before.snapshot)
    expect(after.jobs.get('b')).toBe(before.jobs.get('b'))
    expect(after.jobs.get('a')).not.toBe(before.jobs.get('a'))
  })

  it('changes only the lists a job leaves and enters', async () => {
    store.start()
    await answer(snapshot([job('a', rendering(1)), job('c', { kind: 'queued' })]))
    const before = store.getState().sections
    send('jobsChanged', { changed: [job('a', { kind: 'cancelled' }, 9)], removed: [] })
    const after = store.getState().sections
    expect(after).toEqual({ queued: ['c'], running: [], history: ['a'] })
    expect(after.queued).toBe(before.queued)
  })

  it('tells its listeners, and no more once they left or it stopped', async () => {
    const stop = store.start()
    await answer(snapshot([]))
    let heard = 0
    const leave = store.subscribe(() => (heard += 1))
    send('settingsChanged', { ...settings, theme: 'dark' })
    expect([heard, store.getState().snapshot?.settings.theme]).toEqual([1, 'dark'])
    leave()
    send('settingsChanged', settings)
    expect(heard).toBe(1)
    stop()
    expect(Object.values(listeners).flat()).toEqual([])
  })
})
