// The API server's HTTP contract (contract.md §2): paths, headers, schemas. Every business failure is HTTP 200 with a
// non-zero `code`; the text is in `msg`, or in `message` for exceptions (quirk 50).
import { z } from 'zod'
import { gpuTaskStatuses } from './gpu-contract'
import { powerStatusSchema } from './power-contract'

export const apiPaths = {
  submit: '/api/heygem/task/submit',
  status: '/api/heygem/task/status',
  /** Ours. */
  cancel: '/api/heygem/task/cancel',
  /** Ours: the API keeps inputs while the GPU machine is off; the same as on the GPU server, with the license's headers. */
  checkFiles: '/api/heygem/check_files',
  uploadFile: '/api/heygem/upload_file',
  /** Ours: workers fetch inputs from `<files>/<hash>`, with their own secret as the Bearer. */
  files: '/api/heygem/files',
  /** Ours; the deployed server answers it with an error or a page. */
  capabilities: '/api/heygem/capabilities',
} as const

/** §2.1. `Idempotency-Key` and `X-License-Key` are ours. */
export const apiHeaders = {
  authorization: 'Authorization',
  machineCode: 'X-Machine-Code',
  deviceType: 'X-Device-Type',
  licenseKey: 'X-License-Key',
  idempotencyKey: 'Idempotency-Key',
} as const

/** The deployed default failure code (§2.0). */
export const apiFailureCode = 7

/**
 * Literals of the deployed license check (§2.2) by which existing clients tell the cases apart; our backend says the
 * same words, and adds `reason` so that nobody needs to search in them.
 */
export const licenseMessages = {
  missing: '缺少 Authorization',
  unknown: '卡密不存在',
  expired: '卡密已过期',
  disabled: '卡密已被禁用',
  notStarted: '卡密尚未生效',
  noMachineCode: '缺少设备指纹',
  otherDevice: '卡密已绑定其他设备',
} as const

/** Ours: machine-readable reasons beside `code: 7`. */
export const apiReasonSchema = z.enum([
  'license_missing',
  'license_unknown',
  'license_expired',
  'license_disabled',
  'license_not_started',
  'machine_code_missing',
  'other_device',
  'bad_request',
  'inputs_missing',
  'queue_full',
  'task_unknown',
  'gpu_unreachable',
  /** Nothing was accepted; the same request may be sent again. */
  'store_unavailable',
])
export type ApiReason = z.infer<typeof apiReasonSchema>

export const apiEnvelopeSchema = z.object({
  code: z.number(),
  msg: z.string().optional(),
  message: z.string().optional(),
  reason: z.string().optional(),
  data: z.unknown().optional(),
})

export const apiSubmitRequestSchema = z.object({
  audio_hash: z.string().trim(),
  audio_ext: z.string().trim().default('.wav'),
  video_hash: z.string().trim(),
  video_ext: z.string().trim().default('.mp4'),
  license_key: z.string().default(''),
  /** Ours: the client's job id; the same id gets the same task (architecture.md, rule 1). */
  client_task_id: z.string().max(64).optional(),
})
export type ApiSubmitRequest = z.input<typeof apiSubmitRequestSchema>

/** Ours. It may be sent in every state and again: what has ended stays as it ended. The reply is as of `status`. */
export const apiCancelRequestSchema = z.object({ task_id: z.string().trim().min(1) })

/** `submitted`: handed to a worker. `queued`: kept until the GPU is on. Our backend may answer `done` on a repeat. */
export const apiSubmitReplySchema = z.object({
  task_id: z.string().min(1),
  status: z.string(),
  msg: z.string().optional(),
})

/**
 * Ours: what is known of the GPU machine. `monitored`: whether anybody is there who can power it on. Times: epoch seconds
 * and milliseconds as named; `error` is why the last try to power it on failed.
 */
export const powerReplySchema = z.object({
  state: powerStatusSchema,
  since: z.number(),
  usual_wake_ms: z.number().positive().nullable(),
  monitored: z.boolean(),
  error: z.string().optional(),
})
export type PowerReply = z.infer<typeof powerReplySchema>

/**
 * The deployed server says `processing` or `queued` for ever (quirk 3) and no more than the first three fields; the rest
 * is ours. `gpu_task_id` is the id under which the GPU server knows the task when it is another one (quirk 5).
 */
export const apiStatusReplySchema = z.object({
  task_id: z.string(),
  status: z.enum(gpuTaskStatuses),
  created_at: z.number().optional(),
  request_id: z.string().optional(),
  progress: z.number().optional(),
  message: z.string().optional(),
  total_frames: z.number().optional(),
  current_frame: z.number().optional(),
  queue_position: z.number().optional(),
  error: z.string().optional(),
  /** One of gpu-contract's `taskErrorCodes`; open, so that an older client reads a newer server. */
  error_code: z.string().optional(),
  gpu_task_id: z.string().optional(),
  power: powerReplySchema.optional(),
  engine: z.string().optional(),
})
export type ApiStatus = z.infer<typeof apiStatusReplySchema>

/** Ours. What a client may rely on; `stores_files` comes with the queue for a powered-off GPU. */
export const capabilitiesReplySchema = z.object({
  name: z.string(),
  version: z.string(),
  stores_files: z.boolean(),
  client_task_id: z.boolean(),
})
