// A task as the API keeps it, and the one function that says how it may change. Pure: task-queue.ts decides what
// happens when, the store keeps it.
import { z } from 'zod'
import { assertNever } from '../../src-shared/errors'
import { taskErrorCodeSchema, type TaskErrorCode } from '../../src-shared/gpu-contract'
import type { TaskReport } from '../../src-shared/hub-contract'

const stateSchema = z.discriminatedUnion('kind', [
  /** No worker has it. */
  z.object({ kind: z.literal('queued') }),
  z.object({
    kind: z.literal('assigned'),
    /** The connection that holds it; it means nothing after a restart. */
    worker: z.string(),
    /** What the worker says; `sent` until it says anything. */
    phase: z.enum(['sent', 'queued', 'processing', 'synthesizing']),
    /** Its place in the worker's own queue, 0 when it runs. */
    position: z.number(),
  }),
  z.object({ kind: z.literal('done'), finishedAt: z.number() }),
  z.object({ kind: z.literal('failed'), finishedAt: z.number(), code: taskErrorCodeSchema, message: z.string() }),
])

export const apiTaskSchema = z.object({
  id: z.string(),
  /** Fingerprint of the license key. */
  owner: z.string(),
  clientTaskId: z.string().optional(),
  inputs: z.object({ audioHash: z.string(), audioExt: z.string(), videoHash: z.string(), videoExt: z.string() }),
  createdAt: z.number(),
  percent: z.number(),
  frame: z.number(),
  totalFrames: z.number(),
  /** The GPU server's id for it, when it said one. */
  gpuTaskId: z.string().optional(),
  engine: z.string().optional(),
  state: stateSchema,
})
export type ApiTask = Readonly<z.infer<typeof apiTaskSchema>>

export type ApiTaskEvent =
  | { readonly type: 'assigned'; readonly worker: string }
  | { readonly type: 'accepted'; readonly worker: string; readonly gpuTaskId: string | undefined }
  | { readonly type: 'refused'; readonly worker: string; readonly code: TaskErrorCode; readonly message: string; readonly at: number }
  | { readonly type: 'reported'; readonly worker: string; readonly report: TaskReport; readonly at: number }
  /** The worker has gone. */
  | { readonly type: 'released'; readonly worker: string }

/** The same object when the event does not apply. */
export function advance(task: ApiTask, event: ApiTaskEvent): ApiTask {
  if (isFinal(task)) return task
  switch (event.type) {
    case 'assigned':
      if (task.state.kind !== 'queued') return task
      return { ...task, state: { kind: 'assigned', worker: event.worker, phase: 'sent', position: 0 } }
    case 'accepted': {
      if (!heldBy(task, event.worker) || task.state.kind !== 'assigned') return task
      const phase = task.state.phase === 'sent' ? 'queued' : task.state.phase
      const gpuTaskId = event.gpuTaskId ?? task.gpuTaskId
      return { ...task, ...(gpuTaskId !== undefined && { gpuTaskId }), state: { ...task.state, phase } }
    }
    case 'refused':
      if (!heldBy(task, event.worker)) return task
      return { ...task, percent: 0, state: { kind: 'failed', finishedAt: event.at, code: event.code, message: event.message } }
    case 'reported':
      return withReport(task, event.worker, event.report, event.at)
    case 'released':
      return heldBy(task, event.worker) ? { ...task, state: { kind: 'queued' } } : task
    default:
      return assertNever(event)
  }
}

export function isFinal(task: ApiTask): boolean {
  return task.state.kind === 'done' || task.state.kind === 'failed'
}

export function heldBy(task: ApiTask, worker: string): boolean {
  return task.state.kind === 'assigned' && task.state.worker === worker
}

/**
 * A worker that still has the task when it comes back gets it back. The end of a task counts from any worker: what is
 * rendered is rendered. Anything else counts only from the one that holds it.
 */
function withReport(task: ApiTask, worker: string, report: TaskReport, at: number): ApiTask {
  const names = {
    ...(report.engine !== undefined && { engine: report.engine }),
    ...(report.gpu_task_id !== undefined && { gpuTaskId: report.gpu_task_id }),
  }
  const counted = {
    percent: Math.max(task.percent, Math.min(100, Math.floor(report.progress))),
    frame: Math.max(task.frame, report.current_frame),
    totalFrames: Math.max(task.totalFrames, report.total_frames),
  }
  switch (report.status) {
    case 'done':
      return { ...task, ...names, ...counted, percent: 100, state: { kind: 'done', finishedAt: at } }
    case 'error':
    case 'cancelled': {
      const code = taskErrorCodeSchema.safeParse(report.error_code).data ?? 'engine_failed'
      const message = report.error || report.message || 'the task failed'
      return { ...task, ...names, percent: 0, state: { kind: 'failed', finishedAt: at, code, message } }
    }
    case 'queued':
    case 'processing':
    case 'synthesizing':
    case 'encoding': {
      if (task.state.kind === 'assigned' && task.state.worker !== worker) return task
      const phase = report.status === 'encoding' ? 'synthesizing' : report.status
      return { ...task, ...names, ...counted, state: { kind: 'assigned', worker, phase, position: report.queue_position } }
    }
    default:
      return assertNever(report.status)
  }
}
