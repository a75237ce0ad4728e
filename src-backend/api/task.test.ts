import { describe, expect, it } from 'vitest'
import { taskReportSchema, type TaskReport } from '../../src-shared/hub-contract'
import { advance, isFinal, type ApiTask, type ApiTaskEvent } from './task'

const task: ApiTask = {
  ...{ id: 't', owner: 'o', createdAt: 1, percent: 10, frame: 0, totalFrames: 0 },
  inputs: { audioHash: 'a', audioExt: '.wav', videoHash: 'v', videoExt: '.mp4' },
  state: { kind: 'queued' },
}
const states: Record<string, ApiTask['state']> = {
  queued: { kind: 'queued' },
  sent: { kind: 'assigned', worker: 'w', phase: 'sent', position: 0 },
  running: { kind: 'assigned', worker: 'w', phase: 'synthesizing', position: 0 },
  elsewhere: { kind: 'assigned', worker: 'other', phase: 'processing', position: 0 },
  done: { kind: 'done', finishedAt: 5 },
  failed: { kind: 'failed', finishedAt: 5, code: 'engine_failed', message: 'no' },
}
const report = (fields: Partial<TaskReport>): ApiTaskEvent => ({
  ...{ type: 'reported', worker: 'w', at: 9 },
  report: taskReportSchema.parse({ task_id: 't', status: 'synthesizing', ...fields }),
})
const events: Record<string, ApiTaskEvent> = {
  assigned: { type: 'assigned', worker: 'w' },
  accepted: { type: 'accepted', worker: 'w', gpuTaskId: 'g' },
  refused: { type: 'refused', worker: 'w', code: 'input_missing', message: 'no audio', at: 9 },
  progressed: report({ progress: 50 }),
  finished: report({ status: 'done' }),
  broke: report({ status: 'error', error: 'no' }),
  released: { type: 'released', worker: 'w' },
}

/** What each event makes of each state; '=' where it does not apply. */
const table: Record<string, Record<string, string>> = {
  queued: { assigned: 'sent', accepted: '=', refused: '=', progressed: 'synthesizing', finished: 'done', broke: 'failed', released: '=' },
  sent: { assigned: '=', accepted: 'queued', refused: 'failed', progressed: 'synthesizing', finished: 'done', broke: 'failed', released: 'free' },
  running: { assigned: '=', accepted: 'synthesizing', refused: 'failed', progressed: 'synthesizing', finished: 'done', broke: 'failed', released: 'free' },
  elsewhere: { assigned: '=', accepted: '=', refused: '=', progressed: '=', finished: 'done', broke: 'failed', released: '=' },
  done: { assigned: '=', accepted: '=', refused: '=', progressed: '=', finished: '=', broke: '=', released: '=' },
  failed: { assigned: '=', accepted: '=', refused: '=', progressed: '=', finished: '=', broke: '=', released: '=' },
}
const nameOf = ({ state }: ApiTask): string => (state.kind === 'assigned' ? state.phase : state.kind === 'queued' ? 'free' : state.kind)

describe('advance', () => {
  const cases = Object.entries(table).flatMap(([state, row]) => Object.entries(row).map(([event, result]) => [state, event, result] as const))

  it.each(cases)('%s × %s → %s', (state, event, result) => {
    const before: ApiTask = { ...task, state: states[state]! }
    const after = advance(before, events[event]!)
    if (result === '=') expect(after).toBe(before)
    else expect(nameOf(after)).toBe(result)
  })

  it('covers every state and every event', () => {
    expect(Object.keys(table)).toEqual(Object.keys(states))
    for (const row of Object.values(table)) expect(Object.keys(row)).toEqual(Object.keys(events))
  })

  it('never lets progress fall while a task goes on', () => {
    const half = advance({ ...task, state: states.running! }, report({ progress: 50, current_frame: 5, total_frames: 10 }))
    const back = advance(half, report({ progress: 20, current_frame: 2, total_frames: 8 }))
    expect([back.percent, back.frame, back.totalFrames]).toEqual([50, 5, 10])
    expect(advance(back, { type: 'released', worker: 'w' }).percent).toBe(50)
  })

  it('ends at 100 or at 0', () => {
    const running: ApiTask = { ...task, state: states.running! }
    expect(advance(running, events.finished!)).toMatchObject({ percent: 100, state: { finishedAt: 9 } })
    expect(advance(running, events.broke!)).toMatchObject({ percent: 0, state: { code: 'engine_failed', message: 'no' } })
  })

  it('keeps the worker’s words and codes, and has some where it has none', () => {
    const failed = (fields: Partial<TaskReport>) => advance({ ...task, state: states.running! }, report({ status: 'error', ...fields })).state
    expect(failed({ error: '两张脸', error_code: 'multiple_faces' })).toMatchObject({ code: 'multiple_faces', message: '两张脸' })
    expect(failed({ error_code: 'a code of tomorrow' })).toMatchObject({ code: 'engine_failed', message: 'the task failed' })
  })

  it('learns the GPU server’s id from whichever message comes first', () => {
    const running: ApiTask = { ...task, state: states.running! }
    expect(advance(running, events.accepted!).gpuTaskId).toBe('g')
    expect(advance(running, report({ status: 'done', gpu_task_id: 'g' })).gpuTaskId).toBe('g')
  })

  it('gives a task back to the worker that still has it', () => {
    const again = advance(task, report({ status: 'queued', queue_position: 2, engine: 'mux' }))
    expect(again).toMatchObject({ engine: 'mux', state: { kind: 'assigned', worker: 'w', phase: 'queued', position: 2 } })
  })

  it('knows what is final', () => {
    expect(Object.entries(states).filter(([, state]) => isFinal({ ...task, state })).map(([name]) => name)).toEqual(['done', 'failed'])
  })
})
