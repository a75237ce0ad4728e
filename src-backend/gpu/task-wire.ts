// A task in the contract's words (contract.md §1.0–1.1): what HTTP progress and the hub both say of it.
import type { GpuProgress, GpuTaskStatus } from '../../src-shared/gpu-contract'
import { assertNever } from '../../src-shared/errors'
import type { GpuTask, TaskTable } from './task-table'

export function statusOf(task: GpuTask): GpuTaskStatus {
  switch (task.state.kind) {
    case 'queued':
      return 'queued'
    case 'running':
      // The deployed server says `synthesizing` once frames are counted.
      return task.frame > 0 ? 'synthesizing' : 'processing'
    case 'done':
      return 'done'
    case 'failed':
      return 'error'
    case 'cancelled':
      return 'cancelled'
    default:
      return assertNever(task.state)
  }
}

export function toProgress(task: GpuTask, tasks: TaskTable, engine: string): GpuProgress {
  const { state } = task
  const failed = state.kind === 'failed' ? state : undefined
  return {
    task_id: task.id,
    status: statusOf(task),
    progress: task.percent,
    message: messageOf(task),
    total_frames: task.totalFrames,
    current_frame: task.frame,
    queue_position: tasks.position(task),
    created_at: task.createdAt / 1000,
    started_at: state.kind === 'queued' ? 0 : state.startedAt / 1000,
    finished_at: 'finishedAt' in state ? state.finishedAt / 1000 : 0,
    error: failed?.message ?? '',
    ...(failed && { error_code: failed.code }),
    engine,
  }
}

/** Under the id that was asked for. */
export function toProgressReply(task: GpuTask, id: string, tasks: TaskTable, engine: string): GpuProgress {
  return { ...toProgress(task, tasks, engine), task_id: id, queue: tasks.counts() }
}

function messageOf(task: GpuTask): string {
  switch (task.state.kind) {
    case 'queued':
      return task.fetching ? 'fetching its files' : 'waiting for its turn'
    case 'running':
      return task.estimated ? 'rendering (progress estimated)' : 'rendering'
    case 'done':
      return task.state.cached ? 'done before with the same files' : 'done'
    case 'failed':
      return task.state.message
    case 'cancelled':
      return 'cancelled'
    default:
      return assertNever(task.state)
  }
}
