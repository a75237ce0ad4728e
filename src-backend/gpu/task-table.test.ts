import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../log'
import { TaskTable, type TaskOrder } from './task-table'

const inputs = { audioHash: 'a'.repeat(32), videoHash: 'b'.repeat(32) }
const direct: TaskOrder = { hubId: undefined, owner: 'o', clientTaskId: 'job', inputs }

describe('TaskTable', () => {
  let dir: string
  let opened: TaskTable[]
  const open = async () => {
    const table = await TaskTable.open(join(dir, 'tasks.jsonl'), createLog(() => undefined))
    opened.push(table)
    return table
  }

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'task-table-'))
    opened = []
  })
  afterEach(async () => {
    for (const table of opened) await table.close()
    await rm(dir, { recursive: true })
  })

  it('queues again after a restart what was running, and keeps what had ended', async () => {
    const table = await open()
    const [first, second, third] = [await table.add({ ...direct, clientTaskId: '1' }), await table.add(direct), await table.add({ ...direct, clientTaskId: '3' })]
    await table.start(first)
    await table.finish(first.id, { resultKey: 'r', cached: false })
    await table.start(second)
    await table.start(third)
    await table.fail(third.id, 'video_unreadable', 'no picture')
    // No close: as after a kill.
    const again = await open()
    expect([first, second, third].map((task) => again.find(task.id)?.state)).toMatchObject([
      { kind: 'done', resultKey: 'r' },
      { kind: 'queued' },
      { kind: 'failed', code: 'video_unreadable', message: 'no picture' },
    ])
    expect(again.next()?.id).toBe(second.id)
  })

  it('never lets progress fall, not over a restart by more than a step', async () => {
    const table = await open()
    const task = await table.add(direct)
    await table.start(task)
    const seen: number[] = []
    table.subscribe((changed) => seen.push(changed.percent))
    for (const frame of [10, 42, 40, 44, 100]) table.report(task.id, { frame, totalFrames: 100 })
    table.report(task.id, { percent: 5, estimated: true })
    expect(seen).toEqual([10, 42, 44, 99])
    await table.close()
    const again = await open()
    expect(again.find(task.id)?.percent).toBeGreaterThanOrEqual(94)
    await again.start(again.find(task.id)!)
    again.report(task.id, { frame: 1, totalFrames: 100 })
    expect(again.find(task.id)).toMatchObject({ percent: 99 })
  })

  it('reports nothing of a task that does not run', async () => {
    const table = await open()
    const task = await table.add(direct)
    table.report(task.id, { frame: 50, totalFrames: 100 })
    expect(table.find(task.id)?.percent).toBe(0)
  })

  it('shows 0 % for what failed', async () => {
    const table = await open()
    const task = await table.add(direct)
    await table.start(task)
    table.report(task.id, { frame: 50, totalFrames: 100 })
    await table.fail(task.id, 'engine_failed', 'no')
    expect(table.find(task.id)?.percent).toBe(0)
  })

  it('finds one task under every id that was ever given out for it, also after a restart', async () => {
    const table = await open()
    const task = await table.add(direct)
    await table.finish(task.id, { resultKey: 'r', cached: false })
    await table.findFor({ ...direct, hubId: 'heygem_1' })
    const again = await open()
    expect(again.find('heygem_1')?.id).toBe(task.id)
    expect((await again.findFor({ ...direct, hubId: 'heygem_1' }))?.id).toBe(task.id)
    expect(again.untold().map((untold) => untold.hubId)).toEqual(['heygem_1'])
    await again.markTold('heygem_1')
    expect((await open()).untold()).toEqual([])
  })

  it('keeps the tasks of two owners apart', async () => {
    const table = await open()
    await table.add(direct)
    expect(await table.findFor({ ...direct, owner: 'other' })).toBeUndefined()
    expect(await table.findFor({ ...direct, clientTaskId: undefined })).toBeUndefined()
  })
})
