// The messages of the `/dsp` WebSocket (contract.md §3): one union, one parser, for both ends. Here is what the API says
// to its workers, and they to it; power-contract.ts has the power monitor's. Fields and types of our own say so.
import { z } from 'zod'
import { gpuTaskStatusSchema } from './gpu-contract'
import { powerMessageSchemas } from './power-contract'

export const hubPath = '/dsp'

/** The one task type that workers of ours take. */
export const heygemTaskType = 'heygem_submit'

/** Through some servers an empty object arrives as an empty list (quirk 45). */
const emptyListAsObject = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (Array.isArray(value) && value.length === 0 ? {} : value), schema)

/** How a task is, as its worker knows it. `progress` is 0–100; `ts` epoch seconds. */
const taskReportFields = {
  task_id: z.string().min(1),
  status: gpuTaskStatusSchema,
  progress: z.number().default(0),
  message: z.string().default(''),
  total_frames: z.number().default(0),
  current_frame: z.number().default(0),
  /** Ours, as in the HTTP progress reply. */
  queue_position: z.number().default(0),
  error: z.string().default(''),
  error_code: z.string().optional(),
  engine: z.string().optional(),
  /** Ours, W→S: the GPU server's own id for it, where that is another one. */
  gpu_task_id: z.string().optional(),
  /** Ours, W→S: the lease under which the worker has the task. Without it only the connection that was given it counts. */
  lease: z.string().optional(),
}
export const taskReportSchema = z.object(taskReportFields)
export type TaskReport = z.infer<typeof taskReportSchema>

const jobPayloadSchema = z.object({
  task_id: z.string().optional(),
  audio_hash: z.string().default(''),
  audio_ext: z.string().default('.wav'),
  video_hash: z.string().default(''),
  video_ext: z.string().default('.mp4'),
  /** Ours: the client's job id. */
  client_task_id: z.string().optional(),
})

/**
 * C→S an order: `request_id` is the client's own, and comes back with what is said of it (quirk 46: one id everywhere).
 * S→W the whole job: `request_id` is the task's id; `key` names the owner without being the license key (quirk 36).
 * S→M only a notice that there is one: without a payload, and mostly without an id.
 */
const jobSubmitFields = {
  task_type: z.string(),
  request_id: z.string().default(''),
  key: z.string().default(''),
  sender_fd: z.number().default(0),
  payload: emptyListAsObject(jobPayloadSchema).optional(),
  /** Ours, S→W: the task is the worker's as long as it renews this; it comes back with everything said of the task. */
  lease: z.string().optional(),
  /** Ours, S→W: how long the lease lasts without a word. */
  lease_ms: z.number().positive().optional(),
}
const jobSubmitSchema = z.object({ type: z.literal('gpu.job.submit'), ...jobSubmitFields })
type JobMessage = z.infer<typeof jobSubmitSchema>
export type JobSubmit = JobMessage & { readonly payload: NonNullable<JobMessage['payload']> }

/** False for a notice: there is nothing to run. */
export function isWholeJob(message: JobMessage): message is JobSubmit {
  return message.payload !== undefined && message.request_id !== ''
}

/** W→S. For `heygem_submit` it means accepted, or refused; never finished (quirk 4). */
const jobResultFields = {
  task_type: z.string(),
  request_id: z.string().min(1),
  key: z.string().default(''),
  sender_fd: z.number().default(0),
  error: z.boolean().default(false),
  result: emptyListAsObject(z.object({ task_id: z.string().optional() })).optional(),
  error_msg: z.string().optional(),
  /** Ours: one of gpu-contract's `taskErrorCodes`. `input_missing`: the task waits for its files, it does not fail. */
  error_code: z.string().optional(),
  /** Ours, W→S, as in a report. */
  lease: z.string().optional(),
}

/** What the server tells clients besides, in the deployed frame (§3.2). */
const newsFrameFields = {
  version: z.string().optional(),
  source: z.string().optional(),
  target: z.string().optional(),
  ts: z.number().optional(),
  request_id: z.string().optional(),
  trace_id: z.string().optional(),
  msg: z.string().default(''),
  task_type: z.string().optional(),
  data: z.looseObject({ status: z.string().optional() }).optional(),
}

const registerWorkerSchema = z.object({
  type: z.literal('register'),
  role: z.literal('worker'),
  /** Ours, and required here: what proves a worker. Never part of an address. */
  secret: z.string().default(''),
  /** Ours: what it can do, so that a worker of another kind gets no render (quirk 7). */
  capabilities: z.array(z.string()).default([]),
  /** Ours: how many tasks it wants to hold at once. */
  slots: z.number().int().positive().default(1),
  /** Ours: the hub's tasks it holds, and those whose end it could not deliver yet (quirk 43). */
  tasks: z.array(taskReportSchema).default([]),
})
export type RegisterWorker = z.infer<typeof registerWorkerSchema>

const registerMonitorSchema = z.object({
  type: z.literal('register'),
  role: z.literal('gpu_monitor'),
  /** Ours, and required here: what proves a monitor. Never part of an address. */
  secret: z.string().default(''),
})
export type RegisterMonitor = z.infer<typeof registerMonitorSchema>

/** `device_type` is `pc` or `mobile` (quirk 53); a client has no role. */
const registerClientSchema = z.object({
  type: z.literal('register'),
  role: z.literal(undefined).optional(),
  /** The license key: in the message, never in the address (quirk 36). */
  key: z.string().min(1),
  device_type: z.string().default('pc'),
})
export type RegisterClient = z.infer<typeof registerClientSchema>

const hubMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connected'), fd: z.number() }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('pong') }),
  z.discriminatedUnion('role', [registerWorkerSchema, registerMonitorSchema, registerClientSchema]),
  z.object({
    type: z.literal('registered'),
    role: z.string().optional(),
    key: z.string().optional(),
    device_type: z.string().optional(),
    /** Ours, to a worker: how long a lease lasts without a word. */
    lease_ms: z.number().positive().optional(),
  }),
  jobSubmitSchema,
  z.object({ type: z.literal('gpu_task'), ...jobSubmitFields }),
  /** Ours, S→W: stop it; nothing more is to be told of it. `lease_lost`: another worker may have it. */
  z.object({ type: z.literal('gpu.job.cancel'), request_id: z.string(), reason: z.enum(['cancelled', 'lease_lost']) }),
  z.object({ type: z.literal('gpu.job.result'), ...jobResultFields }),
  z.object({ type: z.literal('gpu_task_result'), ...jobResultFields }),
  z.object({ type: z.literal('gpu.task.progress'), ...taskReportFields }),
  /** Ours, S→W: the end of a task was taken down; it need not be told again. */
  z.object({ type: z.literal('gpu.task.ack'), task_id: z.string() }),
  /** Ours, W→S: renews the leases of what it holds; what it does not hold any more is answered with a cancel. */
  z.object({
    type: z.literal('gpu.worker.heartbeat'),
    tasks: z.array(z.object({ task_id: z.string(), lease: z.string().optional() })).default([]),
  }),
  /** Ours, W→S: these files are there now, for tasks that wait for them. */
  z.object({ type: z.literal('gpu.inputs.there'), hashes: z.array(z.string()) }),
  /** S→C: an order was taken down. */
  z.object({
    type: z.literal('ack'),
    msg: z.string().default(''),
    request_id: z.string().optional(),
    task_type: z.string().optional(),
    /** Ours. */
    task_id: z.string().optional(),
  }),
  /** S→C, to all licenses: the GPU is there; an older name of `gpu.power.online`, which follows. */
  z.object({ type: z.literal('gpu_online'), msg: z.string().default('') }),
  /** S→C: the order waits, no GPU is on. The second is its older name, which is not sent any more. */
  z.object({ type: z.literal('gpu.power.offline'), ...newsFrameFields }),
  z.object({ type: z.literal('gpu_offline'), ...newsFrameFields }),
  ...powerMessageSchemas,
  /** Some clients read `msg`, others `message`: both are sent (quirk 50). */
  z.object({
    type: z.literal('error'),
    msg: z.string().default(''),
    message: z.string().optional(),
    request_id: z.string().optional(),
    task_type: z.string().optional(),
    /** Ours: one of api-contract's reasons. */
    reason: z.string().optional(),
  }),
])
export type HubMessage = z.infer<typeof hubMessageSchema>
/** What may be sent: fields with a default may be left out. */
export type HubMessageOut = z.input<typeof hubMessageSchema>

export type ParsedHubMessage =
  | { readonly ok: true; readonly message: HubMessage }
  | { readonly ok: false; readonly reason: string }

export function parseHubMessage(text: string): ParsedHubMessage {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, reason: 'not JSON' }
  }
  const parsed = hubMessageSchema.safeParse(value)
  if (parsed.success) return { ok: true, message: parsed.data }
  const issue = parsed.error.issues[0]
  const where = issue?.path.join('.') ?? ''
  return { ok: false, reason: where === 'type' ? 'unknown message type' : `bad message at ${where}` }
}

export function hubText(message: HubMessageOut): string {
  return JSON.stringify(message)
}
