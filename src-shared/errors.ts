// The closed list of what can go wrong, for every program of the desk. Whether a failure may be tried again is a
// column of the table here; when it is tried again is retry.ts's business; the words are in words/errors.ts.
import { z } from 'zod'

/** What the person can do with one press; `none` when nothing but reading helps. */
export type ErrorAction = 'retry' | 'choose-files' | 'choose-folder' | 'open-settings' | 'none'

/** Who is asked: several codes are about one of the two servers. */
export type ServerName = 'api' | 'gpu'

interface ErrorTraits {
  /** The program may try the same step again by itself. */
  readonly transient: boolean
  readonly action: ErrorAction
}

const traits = {
  // The picked files
  file_missing: { transient: false, action: 'choose-files' },
  file_empty: { transient: false, action: 'choose-files' },
  file_is_directory: { transient: false, action: 'choose-files' },
  file_unreadable: { transient: false, action: 'retry' },
  file_not_media: { transient: false, action: 'choose-files' },
  file_no_video: { transient: false, action: 'choose-files' },
  file_no_audio: { transient: false, action: 'choose-files' },
  file_changed: { transient: false, action: 'retry' },
  // Settings and license
  address_malformed: { transient: false, action: 'open-settings' },
  license_missing: { transient: false, action: 'open-settings' },
  license_unknown: { transient: false, action: 'open-settings' },
  license_expired: { transient: false, action: 'open-settings' },
  license_refused: { transient: false, action: 'open-settings' },
  secret_wrong: { transient: false, action: 'open-settings' },
  secret_unreadable: { transient: false, action: 'open-settings' },
  // Servers and the way to them
  server_unreachable: { transient: true, action: 'retry' },
  server_timeout: { transient: true, action: 'retry' },
  server_not_json: { transient: false, action: 'open-settings' },
  server_bad_reply: { transient: false, action: 'open-settings' },
  server_failed: { transient: true, action: 'retry' },
  server_refused: { transient: false, action: 'retry' },
  server_busy: { transient: true, action: 'retry' },
  gpu_off: { transient: false, action: 'retry' },
  gpu_boot_failed: { transient: false, action: 'retry' },
  engine_not_ready: { transient: true, action: 'retry' },
  upload_too_large: { transient: false, action: 'choose-files' },
  upload_corrupted: { transient: true, action: 'retry' },
  server_disk_full: { transient: false, action: 'retry' },
  // The task
  task_failed: { transient: false, action: 'retry' },
  task_lost: { transient: false, action: 'retry' },
  // The result
  result_not_ready: { transient: true, action: 'retry' },
  result_truncated: { transient: true, action: 'retry' },
  result_not_media: { transient: false, action: 'retry' },
  result_no_video: { transient: false, action: 'retry' },
  result_no_audio: { transient: false, action: 'retry' },
  result_wrong_duration: { transient: false, action: 'retry' },
  result_gone: { transient: false, action: 'retry' },
  // This machine
  output_missing: { transient: false, action: 'choose-folder' },
  output_not_writable: { transient: false, action: 'choose-folder' },
  disk_full: { transient: false, action: 'retry' },
  service_failed: { transient: false, action: 'retry' },
  ffmpeg_missing: { transient: false, action: 'retry' },
  job_unknown: { transient: false, action: 'none' },
  not_now: { transient: false, action: 'none' },
  internal: { transient: false, action: 'retry' },
} as const satisfies Record<string, ErrorTraits>

export type ErrorCode = keyof typeof traits

export const errorCodes = Object.keys(traits) as readonly ErrorCode[]

export const errorTraits = (code: ErrorCode): ErrorTraits => traits[code]

/**
 * What a DeskError says besides its code, for the sentence shown. Values a person may see: file names (never whole
 * paths of other people's machines), host names, numbers, the server's own words. Never a key, a token or a URL's query.
 */
export const errorDetailSchema = z.record(z.string(), z.union([z.string(), z.number()]))
export type ErrorDetail = z.infer<typeof errorDetailSchema>

/** A DeskError as data: on disk, over the bridge and in the CLI's JSON. */
export const deskErrorDataSchema = z.object({
  code: z.enum(errorCodes as [ErrorCode, ...ErrorCode[]]),
  detail: errorDetailSchema,
})
export type DeskErrorData = z.infer<typeof deskErrorDataSchema>

/** The one error type that crosses a room's border. `message` is for logs only; people read words/errors.ts. */
export class DeskError extends Error {
  override readonly name = 'DeskError'

  constructor(
    readonly code: ErrorCode,
    readonly detail: ErrorDetail = {},
    cause?: unknown,
  ) {
    super(`${code} ${JSON.stringify(detail)}`, { cause })
  }

  get transient(): boolean {
    return traits[this.code].transient
  }

  toData(): DeskErrorData {
    return { code: this.code, detail: this.detail }
  }
}

/** Any thrown value as a DeskError; what is not one is a fault of ours and is called so. */
export function toDeskError(thrown: unknown): DeskError {
  if (thrown instanceof DeskError) return thrown
  return new DeskError('internal', {}, thrown)
}

/** Fails to compile where a union grew and a switch did not. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`)
}
