// The port every engine implements: from one video and one audio file to one rendered file. The worker runs one render
// at a time; an engine knows nothing of tasks beyond their id.
import type { TaskErrorCode } from '../../src-shared/gpu-contract'

/** Frames where the engine counts them; else a percentage, and whether it is only a guess. */
export type RenderProgress =
  | { readonly frame: number; readonly totalFrames: number }
  | { readonly percent: number; readonly estimated: boolean }

export interface RenderRequest {
  readonly taskId: string
  readonly video: string
  readonly audio: string
  /** Where the result goes. It is there only when the render is complete and checked: written elsewhere, renamed. */
  readonly output: string
  readonly report: (progress: RenderProgress) => void
  /** Stop, and leave nothing running. */
  readonly signal: AbortSignal
}

export type EngineState = { readonly ready: true } | { readonly ready: false; readonly reason: string }

export interface Engine {
  readonly name: string
  /** Part of the result cache's key: another version renders other pictures. */
  readonly version: string
  /** Makes the engine ready, or rejects with the reason; may be asked again. */
  prepare(signal: AbortSignal): Promise<void>
  state(): EngineState
  /** Rejects with an EngineFailure, or with the signal's reason. */
  render(request: RenderRequest): Promise<void>
}

/** Why a render failed: a code for programs, and words that a client shows as they are. */
export class EngineFailure extends Error {
  constructor(
    readonly code: TaskErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause })
  }
}
