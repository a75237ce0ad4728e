// The stand-in engine: no lips move. ffmpeg loops or cuts the presenter to the audio's length and puts the audio under
// it, so that everything around the engine works on a real, playable file where there is no GPU.
import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { EngineFailure, type Engine, type EngineState, type RenderRequest } from './engine'
import {
  decodedAudioSeconds,
  inputUrl,
  lastLine,
  probeMedia,
  progressValue,
  quietly,
  rateNumber,
  run,
  steadyAudio,
  type MediaTools,
  type VideoTrack,
} from './media'

/** Longer than any container's rounding of the last audio block and the last frame. */
const durationToleranceSeconds = 0.25

export class MuxEngine implements Engine {
  readonly name = 'mux'
  readonly version = 'mux-1'
  private current: EngineState = { ready: false, reason: 'the engine is starting' }

  constructor(private readonly tools: MediaTools) {}

  state(): EngineState {
    return this.current
  }

  async prepare(signal: AbortSignal): Promise<void> {
    try {
      const encoders = await run(this.tools.ffmpegPath, ['-hide_banner', '-v', 'error', '-encoders'], signal)
      for (const encoder of ['libx264', 'aac']) {
        if (!new RegExp(`\\b${encoder}\\b`).test(encoders.stdout)) {
          throw new EngineFailure('engine_missing', `this ffmpeg has no ${encoder} encoder`)
        }
      }
      await run(this.tools.ffprobePath, ['-version'], signal)
      this.current = { ready: true }
    } catch (error) {
      signal.throwIfAborted()
      const reason = error instanceof EngineFailure ? error.message : 'ffmpeg does not run'
      this.current = { ready: false, reason: `ffmpeg missing: ${reason}` }
      throw new EngineFailure('engine_missing', this.current.reason, error)
    }
  }

  async render(request: RenderRequest): Promise<void> {
    const { signal } = request
    const [, video, seconds] = await firstFailureOf([
      this.probeAudio(request),
      this.probeVideo(request),
      decodedAudioSeconds(this.tools, request.audio, signal),
    ])

    // Its own name for every attempt: an attempt that was cut off can never write into the next one's file.
    const part = `${request.output}.${randomUUID()}.part`
    try {
      await this.encode(request, video, seconds, part)
      await this.check(part, seconds, signal)
      await sync(part)
      await rename(part, request.output)
    } finally {
      await rm(part, { force: true })
    }
  }

  private async probeAudio({ audio, signal }: RenderRequest): Promise<void> {
    const facts = await named('audio', probeMedia(this.tools, audio, 'audio_unreadable', signal))
    if (!facts.audio) throw new EngineFailure('audio_unreadable', 'the audio file has no audio track')
  }

  private async probeVideo({ video, signal }: RenderRequest): Promise<VideoTrack> {
    const facts = await named('video', probeMedia(this.tools, video, 'video_unreadable', signal))
    if (!facts.video) throw new EngineFailure('video_unreadable', 'the video file has no video track')
    return facts.video
  }

  private async encode(request: RenderRequest, video: VideoTrack, seconds: number, part: string): Promise<void> {
    const totalFrames = Math.max(1, Math.ceil(seconds * rateNumber(video.frameRate)))
    const end = await run(
      this.tools.ffmpegPath,
      [
        ...quietly,
        ...['-progress', 'pipe:1', '-stats_period', '0.2'],
        ...['-stream_loop', '-1', '-i', inputUrl(request.video), '-i', inputUrl(request.audio)],
        ...['-map', '0:v:0', '-map', '1:a:0', '-t', seconds.toFixed(6)],
        ...['-vf', `fps=${video.frameRate},scale=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p`, '-af', steadyAudio],
        ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-c:a', 'aac', '-b:a', '160k'],
        ...['-ar', '48000', '-ac', '2', '-map_metadata', '-1', '-movflags', '+faststart', '-f', 'mp4'],
        inputUrl(part),
      ],
      request.signal,
      (line) => {
        const frame = progressValue(line, 'frame')
        if (frame !== undefined) request.report({ frame: Math.min(frame, totalFrames), totalFrames })
      },
    )
    if (end.exitCode === 0) return
    const words = lastLine(end.stderr)
    if (/No space left/i.test(end.stderr)) throw new EngineFailure('engine_disk', words)
    // The sound was decoded to its end before: what fails here is the picture.
    throw new EngineFailure('video_unreadable', `the video cannot be rendered: ${words}`)
  }

  private async check(part: string, seconds: number, signal: AbortSignal): Promise<void> {
    const facts = await probeMedia(this.tools, part, 'engine_failed', signal)
    const off = Math.abs((facts.durationSeconds ?? 0) - seconds)
    if (facts.video?.codec !== 'h264') throw new EngineFailure('engine_failed', 'the result has no H.264 picture')
    if (facts.audio?.codec !== 'aac') throw new EngineFailure('engine_failed', 'the result has no AAC sound')
    if (off > Math.max(durationToleranceSeconds, 2 / rateNumber(facts.video.frameRate))) {
      throw new EngineFailure('engine_failed', `the result is ${off.toFixed(2)} s off the audio's length`)
    }
  }
}

/** All of them at once; of several failures the first in this order, when all have ended. */
async function firstFailureOf<T extends readonly Promise<unknown>[]>(
  steps: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(steps)
  for (const step of steps) await step
  return Promise.all(steps)
}

/** Says which of the two files it was. */
async function named<T>(which: 'audio' | 'video', probing: Promise<T>): Promise<T> {
  try {
    return await probing
  } catch (error) {
    if (error instanceof EngineFailure) throw new EngineFailure(error.code, `the ${which} file ${error.message}`, error)
    throw error
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
