// A task in the contract's words (contract.md §2.4, §3.2): what HTTP status and the hub say of it to its owner.
import { assertNever } from '../../src-shared/errors'
import type { GpuTaskStatus } from '../../src-shared/gpu-contract'
import { heygemTaskType, type HubMessageOut, type JobSubmit } from '../../src-shared/hub-contract'
import type { ApiTask } from './task'

export function statusOf(task: ApiTask): GpuTaskStatus {
  switch (task.state.kind) {
    case 'queued':
      return 'queued'
    case 'assigned':
      return task.state.phase === 'sent' ? 'queued' : task.state.phase
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

export function messageOf(task: ApiTask, hasWorkers: boolean): string {
  switch (task.state.kind) {
    case 'queued':
      if (task.state.waitingFor === 'inputs') return 'waiting for its files'
      return hasWorkers ? 'waiting for its turn' : 'waiting for a GPU worker'
    case 'assigned':
      return task.state.phase === 'processing' || task.state.phase === 'synthesizing' ? 'rendering' : 'waiting for its turn'
    case 'done':
      return 'done'
    case 'failed':
      return task.state.message
    case 'cancelled':
      return 'cancelled'
    default:
      return assertNever(task.state)
  }
}

/** The deployed words for a new task; the truth for one that is asked for again. */
export function submitWords(task: ApiTask): { readonly status: string; readonly msg: string } {
  switch (task.state.kind) {
    case 'queued':
      return { status: 'queued', msg: 'queued until a GPU worker is free' }
    case 'assigned':
      return { status: 'submitted', msg: 'handed to a GPU worker' }
    case 'done':
      return { status: 'done', msg: 'done before' }
    case 'failed':
      return { status: 'error', msg: task.state.message }
    case 'cancelled':
      return { status: 'cancelled', msg: 'cancelled before' }
    default:
      return assertNever(task.state)
  }
}

/** How a task is, for its owner's clients. */
export function progressMessage(task: ApiTask): HubMessageOut {
  const failed = task.state.kind === 'failed' ? task.state : undefined
  return {
    type: 'gpu.task.progress',
    task_id: task.id,
    status: statusOf(task),
    progress: task.percent,
    message: messageOf(task, true),
    total_frames: task.totalFrames,
    current_frame: task.frame,
    queue_position: task.state.kind === 'assigned' ? task.state.position : 0,
    error: failed?.message ?? '',
    ...(failed && { error_code: failed.code }),
    ...(task.engine !== undefined && { engine: task.engine }),
  }
}

/** That a worker took the task, or refused it: under both names that clients know (quirk 41). Never that it is finished. */
export function resultMessages(task: ApiTask): readonly HubMessageOut[] {
  const { state } = task
  const said = {
    task_type: heygemTaskType,
    request_id: task.requestId ?? task.id,
    ...(state.kind === 'failed'
      ? { error: true, error_msg: state.message, error_code: state.code }
      : { result: { task_id: task.gpuTaskId ?? task.id } }),
  }
  return [
    { type: 'gpu.job.result', ...said },
    { type: 'gpu_task_result', ...said },
  ]
}

/** The whole job: for its worker, and in the list that operators look into. `key` is not the license key (quirk 36). */
export function jobOf(task: ApiTask): JobSubmit {
  const { audioHash, audioExt, videoHash, videoExt } = task.inputs
  return {
    type: 'gpu.job.submit',
    task_type: heygemTaskType,
    request_id: task.id,
    key: task.owner,
    sender_fd: 0,
    payload: {
      task_id: task.id,
      audio_hash: audioHash,
      audio_ext: audioExt,
      video_hash: videoHash,
      video_ext: videoExt,
      ...(task.clientTaskId !== undefined && { client_task_id: task.clientTaskId }),
    },
  }
}
