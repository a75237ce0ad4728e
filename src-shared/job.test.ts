import { describe, expect, it } from 'vitest'
import { advance, clientTaskId, isFinal, sectionOf, type Job, type JobEvent, type JobState, type Progress } from './job'

const progress = (done: number, unit: Progress['unit'] = 'bytes'): Progress => ({ unit, done, total: 100, perSecond: null, secondsLeft: null, estimated: false })
const file = { path: '/a/v.mp4', name: 'v.mp4', ext: '.mp4', sizeBytes: 5, mtimeMs: 1, media: null, md5: null }
const result = { path: '/o/r.mp4', name: 'r.mp4', sizeBytes: 9, durationSec: 3, engine: null }
const error = { code: 'server_unreachable', detail: {} } as const

const states: Record<JobState['kind'], JobState> = {
  queued: { kind: 'queued' },
  hashing: { kind: 'hashing', progress: progress(50) },
  uploading: { kind: 'uploading', file: 'video', progress: progress(50), awaitingReply: false },
  submitting: { kind: 'submitting' },
  waking: { kind: 'waking', sinceMs: 1, usualMs: null, power: 'starting', trouble: null, inputsStored: true },
  waiting: { kind: 'waiting', position: 2 },
  rendering: { kind: 'rendering', progress: progress(50, 'frames') },
  downloading: { kind: 'downloading', progress: progress(50) },
  cancelling: { kind: 'cancelling' },
  done: { kind: 'done', result },
  failed: { kind: 'failed', during: 'uploading', error },
  cancelled: { kind: 'cancelled' },
}

const jobIn = (kind: JobState['kind']): Job => ({
  id: 'j1', name: 'n', createdAtMs: 1, updatedAtMs: 1, video: file, audio: file, outputDir: '/o', state: states[kind], taskId: null, stageStartedAtMs: {}, sentBytes: 0, submission: 1, attempt: 1,
})

const events: Record<JobEvent['type'], JobEvent> = {
  inputsRead: { type: 'inputsRead', video: file, audio: file },
  hashProgressed: { type: 'hashProgressed', progress: progress(60) },
  hashed: { type: 'hashed', videoMd5: 'v', audioMd5: 'a' },
  uploadProgressed: { type: 'uploadProgressed', file: 'video', progress: progress(60), awaitingReply: false },
  uploaded: { type: 'uploaded', sentBytes: 7 },
  submitStarted: { type: 'submitStarted' },
  submitted: { type: 'submitted', taskId: 't1' },
  taskRenamed: { type: 'taskRenamed', taskId: 't2' },
  taskForgotten: { type: 'taskForgotten' },
  wakeProgressed: { type: 'wakeProgressed', usualMs: 120_000, power: 'starting', trouble: null, inputsStored: true },
  taskWaiting: { type: 'taskWaiting', position: 1 },
  renderProgressed: { type: 'renderProgressed', progress: progress(60, 'frames') },
  downloadProgressed: { type: 'downloadProgressed', progress: progress(60) },
  finished: { type: 'finished', result },
  failed: { type: 'failed', error },
  cancelAsked: { type: 'cancelAsked' },
  cancelled: { type: 'cancelled' },
  retryAsked: { type: 'retryAsked' },
  outputChanged: { type: 'outputChanged', outputDir: '/p' },
  resumed: { type: 'resumed' },
}

/** State after each event: '=' the very same job, a kind otherwise. In the order of `events`. */
const table: Record<JobState['kind'], string> = {
  //           read   hashP  hashed upP  uped submitS submitted renamed forgot waking tWait renderP downP finished failed cancelAsked cancelled retry output resumed
  queued:     'queued hashing queued uploading queued submitting waiting queued queued waking waiting rendering downloading done failed cancelling cancelled = queued =',
  hashing:    'hashing hashing hashing uploading hashing submitting waiting hashing hashing waking waiting rendering downloading done failed cancelling cancelled = hashing queued',
  uploading:  'uploading hashing uploading uploading uploading submitting waiting uploading uploading waking waiting rendering downloading done failed cancelling cancelled = uploading queued',
  submitting: 'submitting hashing submitting uploading submitting submitting waiting submitting submitting waking waiting rendering downloading done failed cancelling cancelled = submitting queued',
  waking:     'waking hashing waking uploading waking submitting waiting waking waking waking waiting rendering downloading done failed cancelling cancelled = waking queued',
  waiting:    'waiting hashing waiting uploading waiting submitting waiting waiting waiting waking waiting rendering downloading done failed cancelling cancelled = waiting queued',
  rendering:  'rendering hashing rendering uploading rendering submitting waiting rendering rendering waking waiting rendering downloading done failed cancelling cancelled = rendering queued',
  downloading:'downloading hashing downloading uploading downloading submitting waiting downloading downloading waking waiting rendering downloading done failed cancelling cancelled = downloading queued',
  cancelling: '= = = = = = cancelling = = = = = = done = = cancelled = = =',
  done:       '= = = = = = = = = = = = = = = = = = = =',
  failed:     '= = = = = = = = = = = = = = = = = queued failed =',
  cancelled:  '= = = = = = = = = = = = = = = = = queued cancelled =',
}

describe('advance', () => {
  for (const kind of Object.keys(states) as JobState['kind'][]) {
    const expected = table[kind].split(' ')
    Object.values(events).forEach((event, index) => {
      it(`${kind} × ${event.type} → ${expected[index] ?? '?'}`, () => {
        const before = jobIn(kind)
        const after = advance(before, event, 99)
        if (expected[index] === '=') expect(after).toBe(before)
        else {
          expect(after).not.toBe(before)
          expect(after.state.kind).toBe(expected[index])
          expect(after.updatedAtMs).toBe(99)
        }
      })
    })
  }

  it('never moves a bar back within a stage, whatever the server says', () => {
    const job = jobIn('rendering')
    const after = advance(job, { type: 'renderProgressed', progress: progress(20, 'frames') }, 2)
    expect(after.state).toMatchObject({ kind: 'rendering', progress: { done: 50 } })
    const otherUnit = advance(job, { type: 'renderProgressed', progress: { ...progress(1), unit: 'percent', total: 1000 } }, 2)
    expect(otherUnit.state).toMatchObject({ progress: { done: 500, total: 1000, unit: 'percent' } })
  })

  it('starts each file and each stage with a bar of its own', () => {
    const after = advance(jobIn('uploading'), { type: 'uploadProgressed', file: 'audio', progress: progress(3), awaitingReply: false }, 2)
    expect(after.state).toMatchObject({ file: 'audio', progress: { done: 3 } })
  })

  it('remembers when a stage began, once', () => {
    const first = advance(jobIn('queued'), events.hashProgressed, 10)
    const second = advance(first, { type: 'hashProgressed', progress: progress(70) }, 20)
    expect(second.stageStartedAtMs).toEqual({ hashing: 10 })
  })

  it('keeps the task id that the server gave, and counts sent bytes over all runs', () => {
    const submitted = advance(jobIn('submitting'), events.submitted, 5)
    expect(submitted.taskId).toBe('t1')
    expect(advance(submitted, events.taskRenamed, 6).taskId).toBe('t2')
    expect(advance(submitted, events.taskForgotten, 6).taskId).toBeNull()
    expect(clientTaskId(submitted)).toBe('j1')
    expect(clientTaskId(advance(submitted, events.taskForgotten, 6))).toBe('j1.2')
    expect(advance(advance(jobIn('uploading'), events.uploaded, 5), events.uploaded, 6).sentBytes).toBe(14)
  })

  it('says during which stage a job failed', () => {
    expect(advance(jobIn('uploading'), events.failed, 5).state).toEqual({ kind: 'failed', during: 'uploading', error })
  })

  it('counts attempts', () => {
    expect(advance(jobIn('failed'), events.retryAsked, 5).attempt).toBe(2)
  })
})

describe('sectionOf', () => {
  it('puts every state in one section', () => {
    const sections = Object.fromEntries(Object.entries(states).map(([kind, state]) => [kind, sectionOf(state)]))
    expect(sections).toEqual({
      queued: 'queued', waking: 'queued', waiting: 'queued', hashing: 'running', uploading: 'running', submitting: 'running', rendering: 'running', downloading: 'running', cancelling: 'running', done: 'history', failed: 'history', cancelled: 'history',
    })
    expect(isFinal(states.done) && !isFinal(states.waiting)).toBe(true)
  })
})
