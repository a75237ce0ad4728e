// A task as the API keeps it, and the one function that says how it may change. Pure: task-queue.ts decides what
// happens when, the store keeps it.
import { z } from 'zod'
import { assertNever } from '../../src-shared/errors'
import { taskErrorCodeSchema, type TaskErrorCode } from '../../src-shared/gpu-contract'
import type { TaskReport } from '../../src-shared/hub-contract'

const stateSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('queued'),
    /** Where it is known that files are missing, they are what it waits for. */
    waitingFor: z.enum(['worker', 'inputs']).default('worker'),
    /** Of the worker that was lost with it: its end still counts while nobody else has the task. */
    lastLease: z.string().optional(),
  }),
  z.object({
    kind: z.literal('assigned'),
    /** The connection that holds it; it means nothing after a restart, the lease does. */
    worker: z.string(),
    lease: z.string().default(''),
    /** Epoch milliseconds. */
    leaseUntil: z.number().default(0),
    /** What the worker says; `sent` until it says anything. */
    phase: z.enum(['sent', 'queued', 'processing', 'synthesizing']),
    /** Its place in the worker's own queue, 0 when it runs. */
    position: z.number(),
  }),
  z.object({ kind: z.literal('done'), finishedAt: z.number() }),
  z.object({ kind: z.literal('failed'), finishedAt: z.number(), code: taskErrorCodeSchema, message: z.string() }),
  z.object({ kind: z.literal('cancelled'), finishedAt: z.number() }),
])

export const apiTaskSchema = z.object({
  id: z.string(),
  /** Fingerprint of the license key. */
  owner: z.string(),
  clientTaskId: z.string().optional(),
  /** What the client calls it on the hub, where it was ordered there. */
  requestId: z.string().optional(),
  inputs: z.object({ audioHash: z.string(), audioExt: z.string(), videoHash: z.string(), videoExt: z.string() }),
  createdAt: z.number(),
  percent: z.number(),
  frame: z.number(),
  totalFrames: z.number(),
  /** How many workers were lost with it. */
  losses: z.number().default(0),
  /** The GPU server's id for it, when it said one. */
  gpuTaskId: z.string().optional(),
  engine: z.string().optional(),
  state: stateSchema,
})
export type ApiTask = Readonly<z.infer<typeof apiTaskSchema>>

/** Who says something of a task: a connection, and the lease it holds the task under. */
export interface Holder {
  readonly worker: string
  /** Undefined from a worker that knows no leases. */
  readonly lease: string | undefined
}

/** Times are epoch milliseconds. */
export type ApiTaskEvent =
  | { readonly type: 'claimed'; readonly worker: string; readonly lease: string; readonly leaseUntil: number }
  | { readonly type: 'accepted'; readonly by: Holder; readonly gpuTaskId: string | undefined; readonly leaseUntil: number }
  | { readonly type: 'refused'; readonly by: Holder; readonly code: TaskErrorCode; readonly message: string; readonly at: number }
  | { readonly type: 'reported'; readonly by: Holder; readonly report: TaskReport; readonly at: number; readonly leaseUntil: number }
  | { readonly type: 'renewed'; readonly by: Holder; readonly leaseUntil: number }
  /** The connection broke before the worker had taken it. */
  | { readonly type: 'untaken'; readonly worker: string }
  | { readonly type: 'leaseLost'; readonly at: number; readonly lossLimit: number }
  | { readonly type: 'inputsLooked'; readonly there: boolean }
  | { readonly type: 'expired'; readonly at: number }
  | { readonly type: 'cancelled'; readonly at: number }

/** The same object when the event does not apply. */
export function advance(task: ApiTask, event: ApiTaskEvent): ApiTask {
  if (isFinal(task)) return task
  const { state } = task
  switch (event.type) {
    case 'claimed': {
      if (state.kind !== 'queued') return task
      const { worker, lease, leaseUntil } = event
      return { ...task, state: { kind: 'assigned', worker, lease, leaseUntil, phase: 'sent', position: 0 } }
    }
    case 'accepted': {
      if (state.kind !== 'assigned' || !isHeldBy(task, event.by)) return task
      const phase = state.phase === 'sent' ? 'queued' : state.phase
      const gpuTaskId = event.gpuTaskId ?? task.gpuTaskId
      return { ...task, ...(gpuTaskId !== undefined && { gpuTaskId }), state: { ...state, phase, leaseUntil: event.leaseUntil } }
    }
    case 'refused':
      if (!isHeldBy(task, event.by)) return task
      return event.code === 'input_missing' ? awaitInputs(task) : fail(task, event)
    case 'reported':
      return withReport(task, event)
    case 'renewed':
      if (state.kind !== 'assigned' || !isHeldBy(task, event.by)) return task
      return { ...task, state: { ...state, worker: event.by.worker, leaseUntil: event.leaseUntil } }
    case 'untaken':
      if (state.kind !== 'assigned' || state.worker !== event.worker || state.phase !== 'sent') return task
      return { ...task, state: { kind: 'queued', waitingFor: 'worker', lastLease: state.lease } }
    case 'leaseLost': {
      if (state.kind !== 'assigned' || state.leaseUntil > event.at) return task
      const losses = task.losses + 1
      const lost: ApiTask = { ...task, losses, state: { kind: 'queued', waitingFor: 'worker', lastLease: state.lease } }
      if (losses <= event.lossLimit) return lost
      return fail(lost, { at: event.at, code: 'worker_lost', message: `its worker was lost ${String(losses)} times` })
    }
    case 'inputsLooked': {
      const waitingFor = event.there ? 'worker' : 'inputs'
      return state.kind === 'queued' && state.waitingFor !== waitingFor ? { ...task, state: { ...state, waitingFor } } : task
    }
    case 'expired': {
      if (state.kind !== 'queued') return task
      const message = state.waitingFor === 'inputs' ? 'its files never came' : 'no GPU worker took it in time'
      return fail(task, { at: event.at, code: 'expired', message })
    }
    case 'cancelled':
      return { ...task, state: { kind: 'cancelled', finishedAt: event.at } }
    default:
      return assertNever(event)
  }
}

export function isFinal(task: ApiTask): boolean {
  return task.state.kind === 'done' || task.state.kind === 'failed' || task.state.kind === 'cancelled'
}

/** With a lease only the lease counts, whatever connection it comes by: a worker comes back by another one. */
export function isHeldBy({ state }: ApiTask, by: Holder): boolean {
  if (state.kind !== 'assigned') return false
  return by.lease === undefined ? state.worker === by.worker : state.lease === by.lease
}

function fail(task: ApiTask, { at, code, message }: { readonly at: number; readonly code: TaskErrorCode; readonly message: string }): ApiTask {
  return { ...task, percent: 0, state: { kind: 'failed', finishedAt: at, code, message } }
}

/** Missing files are waited for; the worker that lacked them is no loss. */
function awaitInputs(task: ApiTask): ApiTask {
  return { ...task, state: { kind: 'queued', waitingFor: 'inputs' } }
}

/**
 * What is rendered is rendered: an end also counts under the lease of a worker that was thought lost, as long as nobody
 * else was given the task. Everything else counts only under the lease that is.
 */
function withReport(task: ApiTask, event: Extract<ApiTaskEvent, { type: 'reported' }>): ApiTask {
  const { by, report, at, leaseUntil } = event
  const { state } = task
  const held = isHeldBy(task, by)
  const wasLast = state.kind === 'queued' && by.lease !== undefined && state.lastLease === by.lease
  if (!held && !wasLast) return task
  const known = {
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
      return { ...task, ...known, ...counted, percent: 100, state: { kind: 'done', finishedAt: at } }
    case 'error': {
      const code = taskErrorCodeSchema.safeParse(report.error_code).data ?? 'engine_failed'
      if (code === 'input_missing') return awaitInputs(task)
      const message = report.error || report.message || 'the task failed'
      return fail({ ...task, ...known }, { at, code, message })
    }
    case 'cancelled':
      return { ...task, ...known, state: { kind: 'cancelled', finishedAt: at } }
    case 'queued':
    case 'processing':
    case 'synthesizing':
    case 'encoding': {
      const phase = report.status === 'encoding' ? 'synthesizing' : report.status
      const lease = by.lease ?? (state.kind === 'assigned' ? state.lease : '')
      return {
        ...{ ...task, ...known, ...counted },
        state: { kind: 'assigned', worker: by.worker, lease, leaseUntil, phase, position: report.queue_position },
      }
    }
    default:
      return assertNever(report.status)
  }
}
