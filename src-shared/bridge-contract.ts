// Every call and event between the renderer and the main process, declared once: the preload exposes them, the handlers
// parse their arguments with these schemas, the renderer takes its types from here. No path and no secret crosses to the
// renderer; files are tokens.
import { z } from 'zod'
import type { BridgeCall, BridgeEvent } from './bridge-names'
import type { DeskErrorData, ErrorCode } from './errors'
import type { InputFile, Job, JobState, MediaFacts } from './job'
import { secretNameSchema, settingsPatchSchema, type SettingsView } from './settings'

const token = z.string().min(1).max(64)
const jobId = z.string().min(1).max(64)

export const fileRoleSchema = z.enum(['video', 'audio'])
export type FileRole = z.infer<typeof fileRoleSchema>

/** Codes of a file's verdict that let it be sent all the same. */
export type FileWarning = 'unreadable_here' | 'audio_from_video' | 'codec_not_previewed' | 'very_long'

/** `cannot`: sending it would fail, `error` says why. The others may be sent. */
export type FileVerdict =
  | { readonly kind: 'fine' }
  | { readonly kind: 'warn'; readonly warnings: readonly FileWarning[] }
  | { readonly kind: 'cannot'; readonly error: DeskErrorData }

/** A file the person picked: what the renderer may know of it. */
export interface PickedFile {
  readonly token: string
  readonly role: FileRole
  readonly name: string
  readonly sizeBytes: number
  readonly media: MediaFacts | null
  readonly verdict: FileVerdict
  /** Address under the app's media scheme that plays the file, for the poster and a preview; null when it cannot. */
  readonly mediaUrl: string | null
}

export type InputView = Omit<InputFile, 'path' | 'md5' | 'mtimeMs'> & { readonly mediaUrl: string }

/** A job without paths; the result's name instead of its place, and an address that plays it. */
export type JobStateView =
  | Exclude<JobState, { kind: 'done' }>
  | {
      readonly kind: 'done'
      readonly result: {
        readonly name: string
        readonly folderName: string
        readonly sizeBytes: number
        readonly durationSec: number
        readonly engine: string | null
        readonly mediaUrl: string
      }
    }

export type JobView = Omit<Job, 'video' | 'audio' | 'outputDir' | 'state'> & {
  readonly video: InputView
  readonly audio: InputView
  readonly state: JobStateView
}

/** What the built-in service is doing; `off` while addresses of real servers are set. */
export type ServiceView =
  | { readonly kind: 'off' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly engine: string }
  | { readonly kind: 'failed'; readonly error: DeskErrorData }

export interface RuntimeView {
  readonly appVersion: string
  readonly electronVersion: string
  readonly chromeVersion: string
  readonly nodeVersion: string
  /** Not the pinned Electron: for trying and testing only. */
  readonly isFallback: boolean
  readonly platform: 'win32' | 'darwin' | 'linux'
}

export interface Snapshot {
  readonly jobs: readonly JobView[]
  readonly settings: SettingsView
  readonly service: ServiceView
  readonly runtime: RuntimeView
}

/**
 * One line of the connection test. `skipped`: something before it already failed. `asleep`: the GPU machine is off, and a
 * job powers it on.
 */
export interface ConnectionCheck {
  readonly check: 'api_reachable' | 'api_license' | 'gpu_reachable' | 'gpu_ready' | 'gpu_secret' | 'output_folder'
  readonly outcome: 'ok' | 'asleep' | 'failed' | 'skipped'
  readonly tookMs: number
  /** Host and port asked, for the person to recognise. */
  readonly target: string
  readonly error: DeskErrorData | null
}

/** Arguments of each call from the renderer. */
export const bridgeCalls = {
  getSnapshot: z.tuple([]),
  pickFile: z.tuple([fileRoleSchema]),
  /** The preload turns a dropped File into its path; the renderer never sees it. */
  takeDroppedFile: z.tuple([z.string().min(1).max(4096), fileRoleSchema.nullable()]),
  releaseFile: z.tuple([token]),
  addJob: z.tuple([z.object({ videoToken: token, audioToken: token })]),
  cancelJob: z.tuple([jobId]),
  retryJob: z.tuple([jobId]),
  removeJob: z.tuple([jobId]),
  showResultInFolder: z.tuple([jobId]),
  changeJobFolder: z.tuple([jobId]),
  chooseOutputFolder: z.tuple([]),
  resetOutputFolder: z.tuple([]),
  openOutputFolder: z.tuple([]),
  saveSettings: z.tuple([settingsPatchSchema]),
  /** Null forgets the secret. There is no call that reads one. */
  saveSecret: z.tuple([secretNameSchema, z.string().trim().min(1).max(4096).nullable()]),
  testConnection: z.tuple([]),
  restartService: z.tuple([]),
  /** The two sample files that come with the app, as picked files. */
  pickSamples: z.tuple([]),
} as const satisfies Record<BridgeCall, z.ZodType>

/** What each call answers. A call that fails rejects nothing: it answers `{ok: false, error}`. */
export interface BridgeReplies {
  getSnapshot: Snapshot
  /** Null when the dialog was closed. */
  pickFile: PickedFile | null
  takeDroppedFile: PickedFile
  releaseFile: null
  addJob: JobView
  cancelJob: null
  retryJob: null
  removeJob: null
  showResultInFolder: null
  /** False when the dialog was closed. */
  changeJobFolder: boolean
  chooseOutputFolder: boolean
  resetOutputFolder: null
  openOutputFolder: null
  saveSettings: null
  saveSecret: null
  testConnection: readonly ConnectionCheck[]
  restartService: null
  pickSamples: { readonly video: PickedFile; readonly audio: PickedFile }
}

export type BridgeResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: DeskErrorData }

/** Messages from main to the renderer. Only what changed, whole rows. */
export interface BridgeEvents extends Record<BridgeEvent, unknown> {
  jobsChanged: { readonly changed: readonly JobView[]; readonly removed: readonly string[] }
  settingsChanged: SettingsView
  serviceChanged: ServiceView
  /** Something outside a job went wrong that the person should know. */
  noticed: { readonly code: ErrorCode; readonly detail: DeskErrorData['detail'] }
}
/** `window.desk`, as the preload exposes it. `takeDroppedFile` takes the File itself there. */
export type DeskBridge = {
  readonly [C in Exclude<BridgeCall, 'takeDroppedFile'>]: (
    ...args: z.input<(typeof bridgeCalls)[C]>
  ) => Promise<BridgeResult<BridgeReplies[C]>>
} & {
  readonly takeDroppedFile: (file: unknown, role: FileRole | null) => Promise<BridgeResult<BridgeReplies['takeDroppedFile']>>
  /** Calls back on every message; returns the function that stops it. */
  readonly on: <E extends BridgeEvent>(event: E, listener: (message: BridgeEvents[E]) => void) => () => void
}
