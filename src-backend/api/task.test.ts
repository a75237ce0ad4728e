import { describe, expect, it } from 'vitest'
import { taskReportSchema, type TaskReport } from '../../src-shared/hub-contract'
import { advance, isFinal, type ApiTask, type ApiTaskEvent, type Holder } from './task'

const task: ApiTask = {
  ...{ id: 't', owner: 'o', createdAt: 1, percent: 10, frame: 0, totalFrames: 0, losses: 0 },
  inputs: { audioHash: 'a', audioExt: '.wav', videoHash: 'v', videoExt: '.mp4' },
  state: { kind: 'queued', waitingFor: 'worker' },
}
const held = { kind: 'assigned', worker: 'w', lease: 'l', leaseUntil: 5, position: 0 } as const
const states: Record<string, ApiTask['state']> = {
  queued: { kind: 'queued', waitingFor: 'worker' },
  lacking: { kind: 'queued', waitingFor: 'inputs' },
  lost: { kind: 'queued', waitingFor: 'worker', lastLease: 'l' },
  sent: { ...held, phase: 'sent' },
  running: { ...held, phase: 'synthesizing' },
  elsewhere: { ...held, phase: 'processing', worker: 'other', lease: 'other' },
  done: { kind: 'done', finishedAt: 5 },
  failed: { kind: 'failed', finishedAt: 5, code: 'engine_failed', message: 'no' },
  cancelled: { kind: 'cancelled', finishedAt: 5 },
}
const by: Holder = { worker: 'w', lease: 'l' }
const report = (fields: Partial<TaskReport>, from = by): ApiTaskEvent => ({
  ...{ type: 'reported', by: from, at: 9, leaseUntil: 20 },
  report: taskReportSchema.parse({ task_id: 't', status: 'synthesizing', ...fields }),
})
const events: Record<string, ApiTaskEvent> = {
  claimed: { type: 'claimed', worker: 'w', lease: 'new', leaseUntil: 20 },
  accepted: { type: 'accepted', by, gpuTaskId: 'g', leaseUntil: 20 },
  refused: { type: 'refused', by, code: 'engine_failed', message: 'no', at: 9 },
  lacked: { type: 'refused', by, code: 'input_missing', message: 'no audio', at: 9 },
  progressed: report({ progress: 50 }),
  finished: report({ status: 'done' }),
  broke: report({ status: 'error', error: 'no' }),
  lackedLate: report({ status: 'error', error_code: 'input_missing' }),
  renewed: { type: 'renewed', by, leaseUntil: 20 },
  untaken: { type: 'untaken', worker: 'w' },
  leaseLost: { type: 'leaseLost', at: 9, lossLimit: 3 },
  looked: { type: 'inputsLooked', there: true },
  expired: { type: 'expired', at: 9 },
  cancelled: { type: 'cancelled', at: 9 },
}

/** What each event makes of each state, in the order of `events`; '=' where it does not apply. */
const table: Record<string, string> = {
  queued: 'sent = = = = = = = = = = = failed cancelled',
  lacking: 'sent = = = = = = = = = = free failed cancelled',
  lost: 'sent = = = synthesizing done failed lacking = = = = failed cancelled',
  sent: '= queued failed lacking synthesizing done failed lacking sent free free = = cancelled',
  running: '= synthesizing failed lacking synthesizing done failed lacking synthesizing = free = = cancelled',
  elsewhere: '= = = = = = = = = = free = = cancelled',
  done: '= = = = = = = = = = = = = =',
  failed: '= = = = = = = = = = = = = =',
  cancelled: '= = = = = = = = = = = = = =',
}
const nameOf = ({ state }: ApiTask): string => {
  if (state.kind === 'assigned') return state.phase
  return state.kind === 'queued' ? (state.waitingFor === 'inputs' ? 'lacking' : 'free') : state.kind
}

describe('advance', () => {
  const cases = Object.entries(table).flatMap(([state, row]) =>
    row.split(' ').map((result, at) => [state, Object.keys(events)[at]!, result] as const),
  )

  it.each(cases)('%s × %s → %s', (state, event, result) => {
    const before: ApiTask = { ...task, state: states[state]! }
    const after = advance(before, events[event]!)
    if (result === '=') expect(after).toBe(before)
    else expect(nameOf(after)).toBe(result)
  })

  it('covers every state and every event', () => {
    expect(Object.keys(table)).toEqual(Object.keys(states))
    for (const row of Object.values(table)) expect(row.split(' ')).toHaveLength(Object.keys(events).length)
  })

  it('never lets progress fall while a task goes on', () => {
    const half = advance({ ...task, state: states.running! }, report({ progress: 50, current_frame: 5, total_frames: 10 }))
    const back = advance(half, report({ progress: 20, current_frame: 2, total_frames: 8 }))
    expect([back.percent, back.frame, back.totalFrames]).toEqual([50, 5, 10])
    expect(advance(back, { type: 'leaseLost', at: 99, lossLimit: 3 }).percent).toBe(50)
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

  it('follows the lease to another connection, and prolongs it with every word', () => {
    const running: ApiTask = { ...task, state: states.running! }
    const from = { worker: 'w again', lease: 'l' }
    expect(advance(running, report({ progress: 60 }, from)).state).toMatchObject({ worker: 'w again', leaseUntil: 20 })
    expect(advance(running, { type: 'renewed', by: from, leaseUntil: 30 }).state).toMatchObject({ worker: 'w again', leaseUntil: 30 })
  })

  it('takes a worker without leases at the word of its connection, and of no other', () => {
    const running: ApiTask = { ...task, state: states.running! }
    expect(advance(running, report({ status: 'done' }, { worker: 'w', lease: undefined })).state.kind).toBe('done')
    expect(advance(running, report({ status: 'done' }, { worker: 'x', lease: undefined }))).toBe(running)
  })

  it('counts lost workers, and ends the task with the fourth', () => {
    let current = task
    for (let n = 1; n <= 4; n += 1) {
      current = advance(current, events.claimed!)
      expect(advance(current, { type: 'leaseLost', at: 19, lossLimit: 3 })).toBe(current)
      current = advance(current, { type: 'leaseLost', at: 20, lossLimit: 3 })
      expect(current.losses).toBe(n)
      expect(current.state.kind).toBe(n < 4 ? 'queued' : 'failed')
    }
    expect(current.state).toMatchObject({ code: 'worker_lost' })
  })

  it('knows what is final', () => {
    expect(Object.entries(states).filter(([, state]) => isFinal({ ...task, state })).map(([name]) => name)).toEqual(['done', 'failed', 'cancelled'])
  })
})
