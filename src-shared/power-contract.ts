// The part of the `/dsp` messages (contract.md §3, §5) that is about the GPU machine's power: between the API and the power
// monitor, and what clients see of it. hub-contract.ts has the one union and the one parser.
import { z } from 'zod'

/** What the GPU machine is. To clients `running` means that its service answers, never only that it has power (quirk 20). */
export const powerStatusSchema = z.enum(['unknown', 'starting', 'running', 'stopping', 'stopped'])
export type PowerStatus = z.infer<typeof powerStatusSchema>

/** Ours: why the machine is not as it is wanted. */
export const powerErrorCodes = [
  /** Whoever powers the machine cannot be asked, or does not know how it is. */
  'provider_failed',
  /** The call to start or to stop it was refused. */
  'start_refused',
  'stop_refused',
  /** It did not come up, or not go down, in the time it has for that. */
  'start_timeout',
  'stop_timeout',
  /** It stayed off, or went off again, though it was told to start. */
  'start_undone',
  /** It has power, and its service does not answer. */
  'service_silent',
] as const
const powerErrorSchema = z.object({
  code: z.enum(powerErrorCodes),
  msg: z.string().default(''),
  /** The next try comes by itself; otherwise it waits for a new task or another boot. */
  will_retry: z.boolean().default(false),
})
export type PowerErrorCode = PowerError['code']
export type PowerError = z.infer<typeof powerErrorSchema>

/** Of both `gpu.power.booted` and `gpu.power.online`; what the server sends to clients has its words under `data` besides. */
const powerNewsFields = {
  status: z.string().optional(),
  msg: z.string().default(''),
  source: z.string().optional(),
  request_id: z.string().optional(),
  ts: z.number().optional(),
  version: z.string().optional(),
  target: z.string().optional(),
  trace_id: z.string().optional(),
  data: z.looseObject({ status: z.string().optional(), msg: z.string().optional() }).optional(),
}

/** What the server and its power monitor say to one another; the server hands some of it on to clients. */
export const powerMessageSchemas = [
  /** any→S→M: somebody wants the machine on, whatever the queue says. */
  z.object({
    type: z.literal('gpu.power.boot'),
    request_id: z.string().optional(),
    msg: z.string().optional(),
    source: z.string().optional(),
    fd: z.number().optional(),
  }),
  /** M→S: a start failed; for each boot that came with a `request_id`, or once without one. */
  z.object({
    type: z.literal('gpu.power.boot.result'),
    request_id: z.string().optional(),
    success: z.boolean(),
    /** `failed`: it did not come up; `error`: it could not even be asked to. */
    status: z.string(),
    msg: z.string().default(''),
    /** Ours, as in `gpu.power.state`. */
    error_code: z.enum(powerErrorCodes).optional(),
    /** Ours: the next try comes by itself. */
    will_retry: z.boolean().optional(),
  }),
  /** M→S→C: it has power; its service does not answer yet. */
  z.object({ type: z.literal('gpu.power.booted'), ...powerNewsFields }),
  /** W→S, M→S, S→C: its service answers (quirk 19). */
  z.object({ type: z.literal('gpu.power.online'), ...powerNewsFields }),
  /**
   * Ours, M→S→C: on every change, and after each registration. `since` in epoch seconds; `usual_wake_ms` is the median of
   * its last wakes, from the call to start it until its service answered, null before the first.
   */
  z.object({
    type: z.literal('gpu.power.state'),
    status: powerStatusSchema,
    since: z.number(),
    usual_wake_ms: z.number().nullable(),
    error: powerErrorSchema.optional(),
  }),
  /** any→S→M. */
  z.object({
    type: z.literal('gpu.status.query'),
    request_id: z.string().optional(),
    source: z.string().optional(),
    sender_fd: z.number().optional(),
  }),
  /** M→S, twice: what is known at once, then what was just asked for, `fresh`. S→C: `State` too, for old clients. */
  z.object({
    type: z.literal('gpu.status.response'),
    status: powerStatusSchema.catch('unknown'),
    State: z.string().optional(),
    request_id: z.string().optional(),
    source: z.string().optional(),
    fresh: z.boolean().optional(),
  }),
  /** W→S→M: a task runs; keeps the machine awake. */
  z.object({
    type: z.literal('gpu.task.active'),
    task_id: z.string().default(''),
    task_type: z.string().default(''),
    ts: z.number().optional(),
  }),
  /** M→S: is the machine needed? */
  z.object({ type: z.literal('gpu.task.query'), request_id: z.string().min(1) }),
  /**
   * S→M. `active_count`: tasks that a GPU is needed for and that have not ended; `has_recent_active`: there was one a short
   * while ago. Of those, ours: `waiting` for a GPU (only they power it on), and `running` on one.
   */
  z.object({
    type: z.literal('gpu.task.query.response'),
    request_id: z.string(),
    active_count: z.number().int().nonnegative(),
    has_recent_active: z.boolean().default(false),
    waiting: z.number().int().nonnegative().optional(),
    running: z.number().int().nonnegative().optional(),
  }),
] as const
