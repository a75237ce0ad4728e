// The GPU server's HTTP contract (contract.md §1): paths, and schemas of requests and replies. The reply schemas are as
// lenient as the deployed servers are loose; wire names stop here.
import { z } from 'zod'

export const gpuPaths = {
  health: '/api/heygem/health',
  checkFiles: '/api/heygem/check_files',
  uploadFile: '/api/heygem/upload_file',
  submit: '/api/heygem/submit',
  progress: '/api/heygem/progress',
  download: '/api/heygem/download',
  queue: '/api/heygem/queue',
  /** A WebSocket; `/<task_id>` follows. */
  progressSocket: '/ws/progress',
} as const

/** MD5 of a file's content, 32 lowercase hex digits. */
export const md5Schema = z.string().regex(/^[0-9a-f]{32}$/)

/**
 * What a file may be called on the server: containers and codecs people have, and `.bin`, the deployed server's name for
 * an upload without one. Anything else never becomes part of a path (quirk 25).
 */
export const mediaExtensions = [
  ...['.mp4', '.mov', '.m4v', '.avi', '.mkv', '.webm', '.wmv', '.flv', '.ts', '.mts', '.m2ts', '.mpg', '.mpeg', '.3gp'],
  ...['.ogv', '.wav', '.mp3', '.m4a', '.aac', '.flac', '.ogg', '.oga', '.opus', '.wma', '.aif', '.aiff', '.amr', '.ac3'],
  ...['.caf', '.bin'],
] as const

const queueSchema = z.object({
  total_tasks: z.number(),
  processing: z.number(),
  queued: z.number(),
  max_concurrent: z.number(),
})

/** `initialized` and `queue` stand at the top level (§1.1); `data` repeats them on our backend (quirk 47). */
export const healthReplySchema = z.object({
  code: z.number(),
  msg: z.string().optional(),
  initialized: z.boolean(),
  queue: queueSchema.optional(),
  /** Ours: which engine renders, and in words why it cannot at the moment; empty when it can. */
  engine: z.string().optional(),
  engine_error: z.string().optional(),
})
export type HealthReply = z.infer<typeof healthReplySchema>

export const checkFilesRequestSchema = z.object({
  files: z.array(z.object({ hash: z.string().trim(), ext: z.string().trim().default('') })).max(1000).default([]),
})
export type CheckFilesRequest = z.input<typeof checkFilesRequestSchema>

/** Keyed by hash only (§1.1). */
export const checkFilesReplySchema = z.record(z.string(), z.boolean())

/** Multipart fields beside `file`: `hash`, `ext`. They may come after the file. */
export const uploadReplySchema = z.object({ hash: z.string(), server_path: z.string().optional() })

export const gpuSubmitRequestSchema = z.object({
  audio_hash: z.string().trim(),
  audio_ext: z.string().trim().default('.wav'),
  video_hash: z.string().trim(),
  video_ext: z.string().trim().default('.mp4'),
  license_key: z.string().default(''),
  sender_fd: z.number().default(0),
  /** Ours: the client's job id; the same id gets the same task (architecture.md, rule 1). */
  client_task_id: z.string().max(64).optional(),
})

/** On a cache hit `task_id` is the cache key, another id than any before (§1.2). */
export const gpuSubmitReplySchema = z.object({
  task_id: z.string().min(1),
  cached: z.boolean().optional(),
  queue: queueSchema.optional(),
})

/** §1.0; `encoding` is declared and never produced. `cancelled` is ours. */
export const gpuTaskStatuses = ['queued', 'processing', 'synthesizing', 'encoding', 'done', 'error', 'cancelled'] as const
export const gpuTaskStatusSchema = z.enum(gpuTaskStatuses)
export type GpuTaskStatus = z.infer<typeof gpuTaskStatusSchema>

/** Ours: why a task failed, for programs; the engine's own words are in `error`. */
export const taskErrorCodes = [
  'audio_unreadable',
  'video_unreadable',
  'multiple_faces',
  'input_missing',
  'engine_missing',
  'engine_stalled',
  'engine_disk',
  'engine_failed',
  'task_unknown',
  /** Its worker was lost again and again. */
  'worker_lost',
  /** Nobody took it in the time a task may wait. */
  'expired',
] as const
export const taskErrorCodeSchema = z.enum(taskErrorCodes)
export type TaskErrorCode = z.infer<typeof taskErrorCodeSchema>

/** Times are epoch seconds, 0 when not reached; `progress` is 0–100; frames are 0 while unknown. */
export const progressReplySchema = z.object({
  task_id: z.string(),
  status: gpuTaskStatusSchema,
  progress: z.number().default(0),
  message: z.string().default(''),
  total_frames: z.number().default(0),
  current_frame: z.number().default(0),
  queue_position: z.number().default(0),
  queue: queueSchema.optional(),
  created_at: z.number().default(0),
  started_at: z.number().default(0),
  finished_at: z.number().default(0),
  error: z.string().default(''),
  /** Ours: one of `taskErrorCodes`; open, so that an older client reads a newer server. */
  error_code: z.string().optional(),
  /** Ours: which engine renders, so that the stand-in can be labelled. */
  engine: z.string().optional(),
})
export type GpuProgress = z.infer<typeof progressReplySchema>

/** Every GPU reply: HTTP status equals `code` on errors, 0 on success (§1.0). */
export const envelopeSchema = z.object({
  code: z.number(),
  msg: z.string().optional(),
  message: z.string().optional(),
  data: z.unknown().optional(),
})
export type Envelope = z.infer<typeof envelopeSchema>
