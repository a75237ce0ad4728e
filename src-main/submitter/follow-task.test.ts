import { describe, expect, it } from 'vitest'
import { DeskError, type ErrorCode } from '../../src-shared/errors'
import type { ApiStatus } from '../../src-shared/api-contract'
import type { GpuProgress } from '../../src-shared/gpu-contract'
import { advance, type JobEvent } from '../../src-shared/job'
import type { ApiClient } from './api-client'
import { followTask, followTimes } from './follow-task'
import { cacheKey } from './look-at-task'
import type { GpuClient } from './gpu-client'
import { failureOf, never, stopOf } from './testing/failure-of'
import { md5Of } from './testing/media-files'
import { sampleJob } from './testing/sample-jobs'
import { createWake } from './wake-gpu'

const followed = { taskId: 'heygem_1', audioMd5: 'a'.repeat(32), videoMd5: 'b'.repeat(32) }
const key = cacheKey(followed)
const seconds = 1_000

const onGpu = (status: GpuProgress['status'], more: Partial<GpuProgress> = {}): GpuProgress => ({
  ...{ task_id: 'x', status, progress: 0, message: '', total_frames: 0, current_frame: 0, queue_position: 0 },
  ...{ created_at: 0, started_at: 0, finished_at: 0, error: '', ...more },
})
const onApi = (status: ApiStatus['status'], more: Partial<ApiStatus> = {}): ApiStatus => ({ task_id: 'x', status, ...more })
const error = (code: ErrorCode): DeskError => new DeskError(code, { server: 'gpu' })

type Answer<T> = T | null | DeskError

/** What the servers say at each look; the last look's answers stay. A look takes the time that the test says. */
function follow(looks: readonly { readonly gpu?: Answer<GpuProgress>; readonly cached?: Answer<GpuProgress>; readonly api?: Answer<ApiStatus> }[], more: { readonly lookMs?: number; readonly signal?: AbortSignal; readonly onLook?: (look: number) => void; readonly knownOff?: boolean; readonly sendsLate?: boolean; readonly waitForever?: boolean } = {}) {
  let [look, nowMs] = [-1, 0]
  const asked: string[] = []
  const woken: string[] = []
  const events: JobEvent[] = []
  const say = <T>(answer: Answer<T> | undefined): T | null => {
    if (answer instanceof DeskError) throw answer
    return answer ?? null
  }
  const current = () => looks[Math.min(look, looks.length - 1)] ?? {}
  const gpu = {
    progress: async (taskId: string) => {
      asked.push(`gpu ${taskId}`)
      if (taskId === key) return say(current().cached)
      look++
      nowMs += more.lookMs ?? seconds
      more.onLook?.(look)
      return say(current().gpu)
    },
  } as unknown as GpuClient
  const api = {
    status: async (taskId: string) => {
      asked.push(`api ${taskId}`)
      return say(current().api)
    },
  } as unknown as ApiClient
  const times = { pollMs: () => 0, silenceMs: 10 * seconds, unknownMs: 5 * seconds, unknownLateMs: 2 * seconds }
  const noNews = { latest: () => null, onNews: () => () => undefined, close: () => undefined }
  const end = followTask(
    followed,
    {
      clients: async () => ({ gpu, api }),
      wake: createWake(() => noNews, () => null, { lookMs: 0, nobodyMs: 4 * seconds }, () => nowMs),
      knownOff: more.knownOff ?? false,
      inputsStored: async () => true,
      sendLateInputs: async () => {
        woken.push('late inputs')
        return more.sendsLate ?? false
      },
      woke: (tookMs) => woken.push(`woke after ${tookMs}`),
      waitForever: more.waitForever ?? false,
      times,
      now: () => nowMs,
    },
    (event) => events.push(event),
    more.signal ?? never,
  )
  return { end, events, asked, woken, looks: () => look + 1 }
}

describe('followTask', () => {
  it('asks the GPU server alone where that knows the task, to its end', async () => {
    const { end, events, asked } = follow([
      { gpu: onGpu('queued', { queue_position: 2 }) },
      { gpu: onGpu('queued') },
      { gpu: onGpu('processing', { progress: 12 }) },
      { gpu: onGpu('synthesizing', { progress: 30, total_frames: 100, current_frame: 30 }) },
      { gpu: onGpu('encoding', { progress: 95, total_frames: 100, current_frame: 95 }) },
      { gpu: onGpu('done', { engine: 'mux' }) },
    ])
    expect(await end).toEqual({ kind: 'done', taskId: 'heygem_1', engine: 'mux' })
    expect(new Set(asked)).toEqual(new Set(['gpu heygem_1']))
    expect(events).toMatchObject([
      { type: 'taskWaiting', position: 2 },
      { type: 'taskWaiting', position: null },
      { type: 'renderProgressed', progress: { unit: 'percent', done: 12, total: 100, estimated: true } },
      { type: 'renderProgressed', progress: { unit: 'frames', done: 30, total: 100, estimated: false } },
      { type: 'renderProgressed', progress: { unit: 'frames', done: 95, total: 100, perSecond: 65, estimated: false } },
    ])
  })

  it('passes on progress that goes back; the job shows none of that', async () => {
    const { end, events } = follow([
      { gpu: onGpu('processing', { progress: 40 }) },
      { gpu: onGpu('processing', { progress: 20 }) },
      { gpu: onGpu('synthesizing', { total_frames: 100, current_frame: 30 }) },
      { gpu: onGpu('synthesizing', { total_frames: 200, current_frame: 50 }) },
      { gpu: onGpu('synthesizing', { total_frames: 200, current_frame: 90 }) },
      { gpu: onGpu('done') },
    ])
    await end
    const told = events.flatMap((event) => (event.type === 'renderProgressed' ? [event.progress.done / event.progress.total] : []))
    expect(told).toEqual([0.4, 0.2, 0.3, 0.25, 0.45])
    let job = sampleJob({ state: { kind: 'waiting', position: null } })
    const shown = events.map((event) => {
      job = advance(job, event, 0)
      return job.state.kind === 'rendering' ? job.state.progress.done / job.state.progress.total : null
    })
    expect(shown).toEqual([0.4, 0.4, 0.4, 0.4, 0.45])
  })

  it.each([
    [-5, 0],
    [0, 0],
    [250, 100],
  ])('takes a percentage of %i for %i', async (progress, done) => {
    const { end, events } = follow([{ gpu: onGpu('processing', { progress }) }, { gpu: onGpu('done') }])
    await end
    expect(events).toMatchObject([{ progress: { done, total: 100 } }])
  })

  it.each([
    [onGpu('error', { error: 'no face', message: 'failed' }), 'no face'],
    [onGpu('error', { message: 'failed' }), 'failed'],
    [onGpu('error'), ''],
    [onGpu('cancelled', { message: 'by an operator' }), 'by an operator'],
  ])('ends with what the GPU server says of a failure: %j', async (gpu, said) => {
    expect(await follow([{ gpu }]).end).toEqual({ kind: 'failed', said })
  })

  describe('where the GPU server does not know the task', () => {
    it('finds a result that was there before under its own id', async () => {
      const { end, events, asked } = follow([{ gpu: null, cached: onGpu('done') }])
      expect(await end).toEqual({ kind: 'done', taskId: key, engine: null })
      expect(events).toEqual([{ type: 'taskRenamed', taskId: key }])
      expect(asked).toEqual(['gpu heygem_1', `gpu ${key}`])
    })

    it('takes no unfinished task of the same files for its own', async () => {
      const { end } = follow([{ gpu: null, cached: onGpu('processing'), api: onApi('processing', { progress: 5 }) }, { gpu: onGpu('done') }])
      expect(await end).toMatchObject({ kind: 'done', taskId: 'heygem_1' })
    })

    it('believes what our API says of it', async () => {
      const { end, events } = follow([
        { gpu: null, api: onApi('queued', { progress: 0, queue_position: 3 }) },
        { gpu: null, api: onApi('processing', { progress: 5 }) },
        { gpu: null, api: onApi('synthesizing', { progress: 50, total_frames: 10, current_frame: 5, gpu_task_id: 'g1', engine: 'duix' }) },
        { gpu: null, api: onApi('done', { gpu_task_id: 'g1', engine: 'duix' }) },
      ])
      expect(await end).toEqual({ kind: 'done', taskId: 'g1', engine: 'duix' })
      expect(events).toMatchObject([
        { type: 'taskWaiting', position: 3 },
        { type: 'renderProgressed', progress: { unit: 'percent', done: 5, estimated: true } },
        { type: 'taskRenamed', taskId: 'g1' },
        { type: 'renderProgressed', progress: { unit: 'frames', done: 5, total: 10, estimated: false } },
      ])
    })

    it('ends with what our API says of a failure', async () => {
      expect(await follow([{ gpu: null, api: onApi('error', { error: 'no face', message: 'failed' }) }]).end).toEqual({ kind: 'failed', said: 'no face' })
    })

    it('is told at once by our API that nobody does: lost', async () => {
      const { end, looks } = follow([{ gpu: null, api: null }])
      expect(await end).toEqual({ kind: 'lost' })
      expect(looks()).toBe(1)
    })

    it('believes the deployed API, which says processing for ever, for a while only: lost', async () => {
      const { end, looks } = follow([{ gpu: null, api: onApi('processing') }])
      expect(await end).toEqual({ kind: 'lost' })
      expect(looks()).toBe(6)
    })

    it('forgets the while as soon as the GPU server knows it', async () => {
      const unknown = { gpu: null, api: onApi('processing') }
      const { end } = follow([unknown, unknown, unknown, unknown, { gpu: onGpu('processing') }, unknown, unknown, unknown, unknown, { gpu: onGpu('done') }])
      expect((await end).kind).toBe('done')
    })

    it('does not believe the deployed API that the task waits beside a GPU server that is up without it', async () => {
      // Its worker takes all that waits before its HTTP answers: what it does not know then, it has refused (quirk 2).
      expect(await follow([{ gpu: null, api: onApi('queued') }]).end).toEqual({ kind: 'lost' })
    })

    it('believes our API that the task waits', async () => {
      const { end, events } = follow([...Array.from({ length: 30 }, () => ({ gpu: null, api: onApi('queued', { progress: 0 }) })), { gpu: onGpu('done') }])
      expect((await end).kind).toBe('done')
      expect(events[0]).toEqual({ type: 'taskWaiting', position: null })
    })

    it('says what the API refuses, if it does for good', async () => {
      expect((await failureOf(follow([{ gpu: null, api: error('license_expired') }]).end)).code).toBe('license_expired')
    })
  })

  describe('where a server is silent', () => {
    it('goes on with what the API says', async () => {
      const { end, events } = follow([
        { gpu: error('server_unreachable'), api: onApi('processing', { progress: 30 }) },
        { gpu: error('server_failed'), api: onApi('done') },
      ])
      expect(await end).toEqual({ kind: 'done', taskId: 'heygem_1', engine: null })
      expect(events).toMatchObject([{ type: 'renderProgressed', progress: { done: 30 } }])
    })

    it('waits for the GPU server to come back, however little the deployed API knows', async () => {
      const silent = { gpu: error('server_unreachable'), api: onApi('processing') }
      const { end } = follow([silent, silent, silent, silent, silent, silent, silent, { gpu: onGpu('done') }])
      expect((await end).kind).toBe('done')
    })

    it.each([null, onApi('processing'), error('server_unreachable')])('gives up after a time, with what the GPU server failed with (API: %j)', async (api) => {
      const { end, looks } = follow([{ gpu: onGpu('processing') }, { gpu: error('server_timeout'), api }])
      expect((await failureOf(end)).code).toBe('server_timeout')
      expect(looks()).toBe(1 + 10)
    })

    it('counts the silence from the last word', async () => {
      const silent = { gpu: error('server_unreachable'), api: error('server_unreachable') }
      const eight = Array.from({ length: 8 }, () => silent)
      const { end } = follow([...eight, { gpu: onGpu('processing') }, ...eight, { gpu: onGpu('done') }])
      expect((await end).kind).toBe('done')
    })

    it('waits where only the API is silent and the GPU server does not know the task', async () => {
      const { end } = follow([{ gpu: null, api: error('server_unreachable') }, { gpu: null, api: error('server_failed') }, { gpu: onGpu('done') }])
      expect((await end).kind).toBe('done')
    })

    it.each<ErrorCode>(['secret_wrong', 'server_not_json', 'server_bad_reply'])('does not wait after %s of the GPU server, which lasts', async (code) => {
      const { end, asked } = follow([{ gpu: error(code), api: onApi('done') }])
      expect((await failureOf(end)).code).toBe(code)
      expect(asked).toEqual(['gpu heygem_1'])
    })
  })

  it('stops when it is asked to: between two looks, and within one', async () => {
    const between = new AbortController()
    await stopOf(follow([{ gpu: onGpu('processing') }], { signal: between.signal, onLook: (look) => void (look === 2 && between.abort()) }).end)
    const within = new AbortController()
    const { end } = follow([{ gpu: error('server_unreachable') }], { signal: within.signal, onLook: () => within.abort() })
    await stopOf(end)
  })

  it('asks often at first, so that a short task is seen running, and not too often later', () => {
    expect(followTimes.pollMs(0)).toBeLessThan(followTimes.pollMs(60_000))
    expect(followTimes.silenceMs).toBeGreaterThan(followTimes.unknownMs)
  })
})

describe('cacheKey', () => {
  it('is what the deployed server files a result under', () => {
    expect(key).toBe(md5Of(`${'a'.repeat(32)}_${'b'.repeat(32)}`).slice(0, 16))
  })
})

describe('followTask while the GPU machine is off', () => {
  const off = { gpu: error('server_unreachable'), api: onApi('queued') }
  const powered = (state: 'stopped' | 'starting', more = {}) => ({
    gpu: error('server_unreachable'),
    api: onApi('queued', { progress: 0, power: { state, since: 0, usual_wake_ms: 90_000, monitored: true, ...more } }),
  })

  it('says so with what the API knows, and how long the machine took once it answers', async () => {
    const { end, events, woken } = follow([powered('stopped'), powered('starting'), { gpu: onGpu('processing') }, { gpu: onGpu('done') }], { knownOff: true })
    expect((await end).kind).toBe('done')
    expect(events.slice(0, 2)).toEqual([
      { type: 'wakeProgressed', power: 'stopped', usualMs: 90_000, trouble: null, inputsStored: true },
      { type: 'wakeProgressed', power: 'starting', usualMs: 90_000, trouble: null, inputsStored: true },
    ])
    expect(woken).toContain('woke after 2000')
  })

  it('takes one lost reply for no machine that is off', async () => {
    const { end, events } = follow([off, { gpu: onGpu('queued') }, { gpu: onGpu('done') }])
    expect((await end).kind).toBe('done')
    expect(events.map(({ type }) => type)).toEqual(['taskWaiting', 'taskWaiting'])
  })

  it('says that nobody can power it on, and waits on only where that is wished', async () => {
    expect((await failureOf(follow([off], { knownOff: true }).end)).code).toBe('gpu_off')
    const waits = follow([off, off, off, off, off, off, off, off, { gpu: onGpu('done') }], { knownOff: true, waitForever: true })
    expect((await waits.end).kind).toBe('done')
    expect(waits.events.at(-1)).toMatchObject({ type: 'wakeProgressed', trouble: 'nobody' })
    expect((await failureOf(follow([powered('stopped', { error: 'start_timeout' })], { knownOff: true }).end)).code).toBe('gpu_boot_failed')
  })

  it('sends what the GPU server lacks as soon as it answers, and soon counts a task that ran before that as lost', async () => {
    const { end, woken, looks } = follow([off, { gpu: null, api: onApi('queued') }], { knownOff: true, sendsLate: true })
    expect(await end).toEqual({ kind: 'lost' })
    expect(woken.filter((what) => what === 'late inputs')).toHaveLength(1)
    // A second for each look: two of patience instead of five.
    expect(looks()).toBe(5)
    const ran = follow([{ gpu: onGpu('error', { error: 'no such file' }) }], { sendsLate: true })
    expect(await ran.end).toEqual({ kind: 'lost' })
  })

  it('asks a task that runs or is done for no inputs', async () => {
    const { end, woken } = follow([{ gpu: onGpu('processing') }, { gpu: onGpu('done') }])
    await end
    expect(woken).not.toContain('late inputs')
  })
})
