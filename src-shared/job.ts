// A job: one video and one audio on their way to one result. States and the only function that changes them; pure.
// The client's id is the job's id everywhere (architecture.md, rule 1).
import { z } from 'zod'
import { assertNever, deskErrorDataSchema } from './errors'
import { powerStatusSchema, type PowerStatus } from './power-contract'

const bytes = z.number().int().nonnegative()

/** What local reading found in a picked file. Durations in seconds; sizes in pixels after rotation. */
export const mediaFactsSchema = z.object({
  container: z.string(),
  durationSec: z.number().nonnegative().nullable(),
  video: z
    .object({ codec: z.string(), width: z.number(), height: z.number(), fps: z.number().nullable() })
    .nullable(),
  audio: z.object({ codec: z.string(), sampleRateHz: z.number(), channels: z.number() }).nullable(),
})
export type MediaFacts = z.infer<typeof mediaFactsSchema>

/** An input as it was when picked; `mtimeMs` and `sizeBytes` tell whether it changed since. `ext` is lower case. */
export const inputFileSchema = z.object({
  path: z.string().min(1),
  name: z.string(),
  ext: z.string(),
  sizeBytes: bytes,
  mtimeMs: z.number(),
  /** Null where the container is one that only the server can read. */
  media: mediaFactsSchema.nullable(),
  md5: z.string().nullable(),
})
export type InputFile = z.infer<typeof inputFileSchema>

export const progressUnits = ['bytes', 'frames', 'percent'] as const

/**
 * How far a stage is. `done` never falls within a stage. `perSecond` (in units) and `secondsLeft` are null while unknown;
 * `estimated` marks figures that nobody counted.
 */
export const progressSchema = z.object({
  unit: z.enum(progressUnits),
  done: z.number().nonnegative(),
  total: z.number().positive(),
  perSecond: z.number().nonnegative().nullable(),
  secondsLeft: z.number().nonnegative().nullable(),
  estimated: z.boolean(),
})
export type Progress = z.infer<typeof progressSchema>

export const jobResultSchema = z.object({
  path: z.string(),
  name: z.string(),
  sizeBytes: bytes,
  durationSec: z.number(),
  /** Which engine rendered it, when the server says so; 'mux' is the stand-in that moves no lips. */
  engine: z.string().nullable(),
})
export type JobResult = z.infer<typeof jobResultSchema>

export const stages = ['hashing', 'uploading', 'submitting', 'waking', 'waiting', 'rendering', 'downloading'] as const
export type Stage = (typeof stages)[number]

/** `nobody`: no power monitor is there to switch the machine on. `boot_failed`: it tried, and the machine did not come up. */
export const wakeTroubles = ['nobody', 'boot_failed'] as const
export type WakeTrouble = (typeof wakeTroubles)[number]

export const jobStateSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('queued') }),
  z.object({ kind: z.literal('hashing'), progress: progressSchema }),
  z.object({
    kind: z.literal('uploading'),
    file: z.enum(['video', 'audio']),
    progress: progressSchema,
    /** Every byte has left, the reply has not come: the server still stores and checks. */
    awaitingReply: z.boolean(),
  }),
  z.object({ kind: z.literal('submitting') }),
  /**
   * Accepted by the server while the GPU machine is off; it runs when the machine is up. `usualMs`: how long that usually
   * takes, null while nobody knows. `inputsStored`: the server has all it needs, the window may be closed.
   */
  z.object({
    kind: z.literal('waking'),
    sinceMs: z.number(),
    usualMs: z.number().positive().nullable(),
    power: powerStatusSchema,
    trouble: z.enum(wakeTroubles).nullable(),
    inputsStored: z.boolean(),
  }),
  /** Accepted by the server, not running yet. `position` counts from 1; null when the server does not say. */
  z.object({ kind: z.literal('waiting'), position: z.number().int().positive().nullable() }),
  z.object({ kind: z.literal('rendering'), progress: progressSchema }),
  z.object({ kind: z.literal('downloading'), progress: progressSchema }),
  z.object({ kind: z.literal('cancelling') }),
  z.object({ kind: z.literal('done'), result: jobResultSchema }),
  z.object({ kind: z.literal('failed'), during: z.enum(['queued', ...stages]), error: deskErrorDataSchema }),
  z.object({ kind: z.literal('cancelled') }),
])
export type JobState = z.infer<typeof jobStateSchema>
export type JobStateKind = JobState['kind']

export const jobSchema = z.object({
  id: z.string().min(1).max(64),
  name: z.string(),
  createdAtMs: z.number(),
  updatedAtMs: z.number(),
  video: inputFileSchema,
  audio: inputFileSchema,
  outputDir: z.string(),
  state: jobStateSchema,
  /** The server's id for this job's task, stored before anything else is done with it. Null before submit. */
  taskId: z.string().nullable(),
  /** When each stage last began, epoch ms: what details and estimates are made of. */
  stageStartedAtMs: z.partialRecord(z.enum(stages), z.number()),
  /** Bytes of media sent for this job, over all its runs. 0 when the server had both files. */
  sentBytes: bytes,
  /** Goes up by one each time the server's task turned out useless, so that the next submit asks for a new one. */
  submission: z.number().int().positive(),
  /** Goes up by one each time the person tries again. */
  attempt: z.number().int().positive(),
})
export type Job = z.infer<typeof jobSchema>

export type Section = 'queued' | 'running' | 'history'

export function sectionOf(state: JobState): Section {
  switch (state.kind) {
    case 'queued':
    case 'waking':
    case 'waiting':
      return 'queued'
    case 'done':
    case 'failed':
    case 'cancelled':
      return 'history'
    case 'hashing':
    case 'uploading':
    case 'submitting':
    case 'rendering':
    case 'downloading':
    case 'cancelling':
      return 'running'
    default:
      return assertNever(state)
  }
}

/**
 * The id under which the job asks for a task, `client_task_id` and `Idempotency-Key` on the wire: the same for every
 * repeat of one submit, another once that task failed or was lost.
 */
export const clientTaskId = (job: Job): string => (job.submission === 1 ? job.id : `${job.id}.${job.submission}`)

export type FinalState = Extract<JobState, { kind: 'done' | 'failed' | 'cancelled' }>

export const isFinal = (state: JobState): state is FinalState => sectionOf(state) === 'history'

/** What happened to a job. Steps report these; only the submitter applies them. */
export type JobEvent =
  | { readonly type: 'inputsRead'; readonly video: InputFile; readonly audio: InputFile }
  | { readonly type: 'hashProgressed'; readonly progress: Progress }
  | { readonly type: 'hashed'; readonly videoMd5: string; readonly audioMd5: string }
  | { readonly type: 'uploadProgressed'; readonly file: 'video' | 'audio'; readonly progress: Progress; readonly awaitingReply: boolean }
  | { readonly type: 'uploaded'; readonly sentBytes: number }
  | { readonly type: 'submitStarted' }
  | { readonly type: 'submitted'; readonly taskId: string }
  | { readonly type: 'taskRenamed'; readonly taskId: string }
  | { readonly type: 'taskForgotten' }
  | { readonly type: 'wakeProgressed'; readonly usualMs: number | null; readonly power: PowerStatus; readonly trouble: WakeTrouble | null; readonly inputsStored: boolean }
  | { readonly type: 'taskWaiting'; readonly position: number | null }
  | { readonly type: 'renderProgressed'; readonly progress: Progress }
  | { readonly type: 'downloadProgressed'; readonly progress: Progress }
  | { readonly type: 'finished'; readonly result: JobResult }
  | { readonly type: 'failed'; readonly error: z.infer<typeof deskErrorDataSchema> }
  | { readonly type: 'cancelAsked' }
  | { readonly type: 'cancelled' }
  | { readonly type: 'retryAsked' }
  | { readonly type: 'outputChanged'; readonly outputDir: string }
  | { readonly type: 'resumed' }

export type JobEventType = JobEvent['type']

/**
 * The job after an event; the same object when the event does not apply in its state (late reports of a step that was
 * cancelled, doubled replies). Never throws.
 */
export function advance(job: Job, event: JobEvent, nowMs: number): Job {
  const { state } = job
  const next = (change: Partial<Job>): Job => ({ ...job, ...change, updatedAtMs: nowMs })
  const enter = (stage: Stage, newState: JobState): Job =>
    next({
      state: newState,
      ...(state.kind === stage ? {} : { stageStartedAtMs: { ...job.stageStartedAtMs, [stage]: nowMs } }),
    })

  if (isFinal(state)) {
    switch (event.type) {
      case 'retryAsked':
        return state.kind === 'done' ? job : next({ state: { kind: 'queued' }, attempt: job.attempt + 1, stageStartedAtMs: {} })
      case 'outputChanged':
        return state.kind === 'done' ? job : next({ outputDir: event.outputDir })
      default:
        return job
    }
  }
  if (state.kind === 'cancelling') {
    // Only the end of the cancelling itself counts, or a result that was there before it could take hold.
    if (event.type === 'cancelled') return next({ state: { kind: 'cancelled' } })
    if (event.type === 'finished') return next({ state: { kind: 'done', result: event.result } })
    if (event.type === 'submitted') return next({ taskId: event.taskId })
    return job
  }
  switch (event.type) {
    case 'inputsRead':
      return next({ video: event.video, audio: event.audio })
    case 'hashProgressed':
      return enter('hashing', { kind: 'hashing', progress: forward(state.kind === 'hashing' ? state.progress : null, event.progress) })
    case 'hashed':
      return next({ video: { ...job.video, md5: event.videoMd5 }, audio: { ...job.audio, md5: event.audioMd5 } })
    case 'uploadProgressed': {
      const before = state.kind === 'uploading' && state.file === event.file ? state.progress : null
      return enter('uploading', {
        kind: 'uploading',
        file: event.file,
        progress: forward(before, event.progress),
        awaitingReply: event.awaitingReply,
      })
    }
    case 'uploaded':
      return next({ sentBytes: job.sentBytes + event.sentBytes })
    case 'submitStarted':
      return enter('submitting', { kind: 'submitting' })
    case 'submitted':
      return { ...enter('waiting', { kind: 'waiting', position: null }), taskId: event.taskId }
    case 'taskRenamed':
      return next({ taskId: event.taskId })
    case 'taskForgotten':
      return next({ taskId: null, submission: job.submission + 1 })
    case 'wakeProgressed': {
      const { usualMs, power, trouble, inputsStored } = event
      const sinceMs = state.kind === 'waking' ? state.sinceMs : nowMs
      const same = state.kind === 'waking' && state.usualMs === usualMs && state.power === power && state.trouble === trouble && state.inputsStored === inputsStored
      return same ? job : enter('waking', { kind: 'waking', sinceMs, usualMs, power, trouble, inputsStored })
    }
    case 'taskWaiting':
      // A server that first says running and then waiting again (its worker died) is believed; a bar never shows it.
      if (state.kind === 'waiting' && state.position === event.position) return job
      return enter('waiting', { kind: 'waiting', position: event.position })
    case 'renderProgressed':
      return enter('rendering', { kind: 'rendering', progress: forward(state.kind === 'rendering' ? state.progress : null, event.progress) })
    case 'downloadProgressed':
      return enter('downloading', { kind: 'downloading', progress: forward(state.kind === 'downloading' ? state.progress : null, event.progress) })
    case 'finished':
      return next({ state: { kind: 'done', result: event.result } })
    case 'failed':
      return next({ state: { kind: 'failed', during: state.kind, error: event.error } })
    case 'cancelAsked':
      return next({ state: { kind: 'cancelling' } })
    case 'cancelled':
      return next({ state: { kind: 'cancelled' } })
    case 'resumed':
      return state.kind === 'queued' ? job : next({ state: { kind: 'queued' } })
    case 'retryAsked':
      return job
    case 'outputChanged':
      return next({ outputDir: event.outputDir })
    default:
      return assertNever(event)
  }
}

/** The later of two readings of one bar, so that it never moves back; a change of unit starts from the same share. */
function forward(before: Progress | null, now: Progress): Progress {
  if (before === null) return now
  const shareBefore = before.done / before.total
  const shareNow = now.done / now.total
  if (shareNow >= shareBefore) return now
  return { ...now, done: Math.min(now.total, shareBefore * now.total) }
}
