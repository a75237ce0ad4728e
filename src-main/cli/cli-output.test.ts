import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Job, JobState, Progress } from '../../src-shared/job'
import { cliWords } from '../../src-shared/words/cli'
import { sampleJob } from '../submitter/testing/sample-jobs'
import { createJsonOutput, createTextOutput, jobLine } from './cli-output'

const progress = (done: number, total = 100): Progress => ({ unit: 'bytes', done, total, perSecond: 10, secondsLeft: 5, estimated: false })
const inState = (state: JobState, more: Partial<Job> = {}): Job => sampleJob({ state, ...more })
const uploading = (done: number, file: 'video' | 'audio' = 'video', awaitingReply = false): Job => inState({ kind: 'uploading', file, progress: progress(done), awaitingReply })
const result = { path: '/out/presenter-voice.mp4', name: 'presenter-voice.mp4', sizeBytes: 500, durationSec: 2.5, engine: 'mux' }

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_000 }))
afterEach(() => void vi.useRealTimers())
const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms)

describe('jobLine', () => {
  const head = { at: '2023-11-14T22:13:20.000Z', job: 'job-1' }
  it.each<[Job, Record<string, unknown>]>([
    [inState({ kind: 'queued' }), { state: 'queued' }],
    [inState({ kind: 'hashing', progress: progress(5) }), { state: 'hashing', progress: progress(5) }],
    [uploading(7, 'audio'), { state: 'uploading', file: 'audio', progress: progress(7), awaitingReply: false }],
    [inState({ kind: 'submitting' }), { state: 'submitting' }],
    [inState({ kind: 'waiting', position: 3 }, { taskId: 't' }), { state: 'waiting', position: 3, task: 't' }],
    [inState({ kind: 'rendering', progress: progress(9) }, { taskId: 't' }), { state: 'rendering', progress: progress(9), task: 't' }],
    [inState({ kind: 'downloading', progress: progress(9) }, { taskId: 't' }), { state: 'downloading', progress: progress(9), task: 't' }],
    [inState({ kind: 'cancelling' }), { state: 'cancelling' }],
    [inState({ kind: 'cancelled' }, { taskId: 't' }), { state: 'cancelled', task: 't' }],
    [inState({ kind: 'done', result }, { sentBytes: 12 }), { state: 'done', result: '/out/presenter-voice.mp4', sizeBytes: 500, durationSec: 2.5, engine: 'mux', sentBytes: 12 }],
  ])('has the state and its own data', (job, data) => {
    expect(jobLine(job, 'en', Date.now())).toEqual({ ...head, ...data })
  })

  it('has the words for an error in the language asked for', () => {
    const failed = inState({ kind: 'failed', during: 'uploading', error: { code: 'file_changed', detail: { file: 'voice.wav' } } }, { sentBytes: 3 })
    const [en, zh] = [jobLine(failed, 'en', 0), jobLine(failed, 'zh-CN', 0)]
    expect(en).toMatchObject({ state: 'failed', during: 'uploading', sentBytes: 3, error: { code: 'file_changed', detail: { file: 'voice.wav' }, title: expect.stringContaining('voice.wav') } })
    expect(JSON.stringify(zh['error'])).toMatch(/\p{Script=Han}/u)
  })
})

describe('JSON output', () => {
  const collect = () => {
    const lines: Record<string, unknown>[] = []
    const output = createJsonOutput('en', (line) => {
      expect(line).toMatch(/^\{.*\}\n$/)
      lines.push(JSON.parse(line) as Record<string, unknown>)
    })
    return { output, lines }
  }

  it('prints every change of state at once', () => {
    const { output, lines } = collect()
    const jobs = [inState({ kind: 'queued' }), inState({ kind: 'hashing', progress: progress(0) }), uploading(0, 'audio'), uploading(0, 'video'), uploading(100, 'video', true), inState({ kind: 'submitting' }), inState({ kind: 'done', result })]
    for (const job of jobs) output.jobChanged(job)
    expect(lines.map((line) => line['state'])).toEqual(['queued', 'hashing', 'uploading', 'uploading', 'uploading', 'submitting', 'done'])
  })

  it('prints progress at most five times a second', () => {
    const { output, lines } = collect()
    for (let done = 0; done < 100; done++) {
      output.jobChanged(uploading(done))
      pass(20)
    }
    // Two seconds: the first, and one for each fifth of a second after it.
    expect(lines).toHaveLength(10)
    const at = lines.map((line) => Date.parse(String(line['at'])))
    expect(Math.min(...at.slice(1).map((ms, index) => ms - at[index]!))).toBeGreaterThanOrEqual(200)
  })

  it('counts each job for itself', () => {
    const { output, lines } = collect()
    output.jobChanged(uploading(1))
    output.jobChanged({ ...uploading(1), id: 'job-2' })
    output.jobChanged(uploading(2))
    expect(lines.map((line) => line['job'])).toEqual(['job-1', 'job-2'])
  })

  it('prints each place in the queue once', () => {
    const { output, lines } = collect()
    for (const position of [null, 3, 2]) output.jobChanged(inState({ kind: 'waiting', position }))
    expect(lines.map((line) => line['position'])).toEqual([null, 3, 2])
  })

  it('prints an error that belongs to no job, and no notes', () => {
    const { output, lines } = collect()
    output.note('only for people')
    output.failed({ code: 'job_unknown', detail: {} })
    const words = { title: expect.any(String), meaning: expect.any(String), todo: expect.any(String) }
    expect(lines).toEqual([{ at: '2023-11-14T22:13:20.000Z', error: expect.objectContaining({ code: 'job_unknown', detail: {}, ...words }) }])
  })

  it('shows a job with its name and times', () => {
    const { output, lines } = collect()
    output.jobShown(inState({ kind: 'cancelled' }))
    expect(lines).toEqual([{ at: '2023-11-14T22:13:20.000Z', job: 'job-1', state: 'cancelled', name: 'presenter · voice', createdAt: '2023-11-14T22:13:20.000Z' }])
  })
})

describe('text output', () => {
  const collect = (terminal: { columns: number } | null, language: 'en' | 'zh-CN' = 'en') => {
    let text = ''
    const output = createTextOutput(language, cliWords[language], terminal, (more) => (text += more))
    return { output, text: () => text }
  }
  /** What stands on the screen at last. */
  const screen = (text: string): string[] => text.split('\n').map((line) => line.split('\r\u001b[K').at(-1) ?? '')

  it('redraws one line of a terminal', () => {
    const { output, text } = collect({ columns: 80 })
    output.jobChanged(uploading(0))
    pass(300)
    output.jobChanged(uploading(50))
    expect(text()).not.toContain('\n')
    expect(screen(text())[0]).toMatch(/^Uploading presenter\.mp4 {2}█{12}░{12} 50\s?%/)
    output.jobChanged(inState({ kind: 'done', result }, { sentBytes: 0 }))
    expect(screen(text())).toEqual([
      `✓ Done ${cliWords.en.standIn}`,
      `  ${cliWords.en.sentNothing}`,
      '  Result: /out/presenter-voice.mp4',
      '',
    ])
  })

  it.each([20, 40, 60])('never fills the last of %i columns, in which a terminal would break the line', (columns) => {
    const { output, text } = collect({ columns }, 'zh-CN')
    output.jobChanged(inState({ kind: 'uploading', file: 'video', progress: progress(50), awaitingReply: true }, { video: { ...sampleJob().video, name: '口型工坊🎤的一个很长很长的文件名字.mp4' } }))
    const cells = [...screen(text())[0]!].reduce((sum, sign) => sum + (/[\u2e80-\uffef]|\p{Extended_Pictographic}/u.test(sign) ? 2 : 1), 0)
    expect(cells).toBeLessThan(columns)
    expect(cells).toBeGreaterThan(columns - 4)
  })

  it('prints a line for each stage where there is no terminal', () => {
    const { output, text } = collect(null)
    output.jobChanged(inState({ kind: 'queued' }))
    output.jobChanged(uploading(0, 'audio'))
    pass(300)
    output.jobChanged(uploading(50, 'audio'))
    output.jobChanged(uploading(0, 'video'))
    output.jobChanged(inState({ kind: 'waiting', position: 2 }))
    expect(text()).toBe('· Queued\n· Uploading voice.wav\n· Uploading presenter.mp4\n· Waiting on the server · position 2\n')
  })

  it('says of a failure what happened, what to do, and how to try again', () => {
    const { output, text } = collect(null)
    output.jobChanged(inState({ kind: 'failed', during: 'uploading', error: { code: 'file_changed', detail: { file: 'voice.wav' } } }))
    expect(text()).toMatch(/^✗ .*voice\.wav/)
    expect(text()).toContain('lipsync-desk retry job-1')
  })

  it('says that a job was cancelled, and what was sent', () => {
    const { output, text } = collect(null)
    output.jobChanged(inState({ kind: 'cancelled' }))
    output.jobChanged(inState({ kind: 'done', result: { ...result, engine: null } }, { sentBytes: 2_000_000 }))
    expect(text()).toMatch(/The job was cancelled\n✓ Done\n {2}Uploaded \d.*MB\n/)
  })
})
