// What a media file is, asked of ffprobe; and how long its sound really lasts, asked by decoding it, because headers of
// many audio files guess.
import { z } from 'zod'
import { EngineFailure } from './engine'
import { ProgramMissing, runProgram } from './run-program'

export interface MediaTools {
  readonly ffmpegPath: string
  readonly ffprobePath: string
}

export interface VideoTrack {
  readonly codec: string
  readonly width: number
  readonly height: number
  /** As ffmpeg writes it, "30000/1001". */
  readonly frameRate: string
  readonly pixelFormat: string
  /** Stored on its side, to be turned by the player. */
  readonly turned: boolean
  /** Every frame lasts as long as the others. */
  readonly steady: boolean
}

export interface MediaFacts {
  /** ffprobe's names for it, "mov,mp4,m4a,…". */
  readonly container: string
  readonly durationSeconds: number | undefined
  /** Undefined for cover pictures too: they are not a video. */
  readonly video: VideoTrack | undefined
  readonly audio: { readonly codec: string } | undefined
}

const probeSchema = z.object({
  streams: z
    .array(
      z.object({
        codec_type: z.string().optional(),
        codec_name: z.string().default('unknown'),
        width: z.number().default(0),
        height: z.number().default(0),
        pix_fmt: z.string().default(''),
        r_frame_rate: z.string().default(''),
        avg_frame_rate: z.string().default(''),
        duration: z.coerce.number().optional(),
        disposition: z.object({ attached_pic: z.number().default(0) }).default({ attached_pic: 0 }),
        side_data_list: z.array(z.object({ rotation: z.number().default(0) })).default([]),
      }),
    )
    .default([]),
  format: z.object({ format_name: z.string().default(''), duration: z.coerce.number().optional() }).default({ format_name: '' }),
})
type ProbedStream = z.infer<typeof probeSchema>['streams'][number]

/** Rejects with an EngineFailure of this code when it is no media file. */
export async function probeMedia(
  tools: MediaTools,
  path: string,
  failure: 'audio_unreadable' | 'video_unreadable' | 'engine_failed',
  signal: AbortSignal,
): Promise<MediaFacts> {
  const args = ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', inputUrl(path)]
  const end = await run(tools.ffprobePath, args, signal)
  if (end.exitCode !== 0) throw new EngineFailure(failure, `cannot be read as media: ${lastLine(end.stderr)}`)
  const { streams, format } = probeSchema.parse(JSON.parse(end.stdout))
  const video = streams.find((stream) => stream.codec_type === 'video' && stream.disposition.attached_pic === 0)
  const audio = streams.find((stream) => stream.codec_type === 'audio')
  const duration = format.duration ?? video?.duration ?? audio?.duration
  return {
    container: format.format_name,
    durationSeconds: duration !== undefined && Number.isFinite(duration) ? duration : undefined,
    video: video && {
      codec: video.codec_name,
      width: video.width,
      height: video.height,
      frameRate: chooseFrameRate(video),
      pixelFormat: video.pix_fmt,
      turned: video.side_data_list.some((data) => data.rotation !== 0),
      steady: isSteady(video),
    },
    audio: audio && { codec: audio.codec_name },
  }
}

/** Decodes the whole track; seconds. */
export async function decodedAudioSeconds(tools: MediaTools, path: string, signal: AbortSignal): Promise<number> {
  let microseconds = 0
  const end = await run(
    tools.ffmpegPath,
    [...quietly, '-progress', 'pipe:1', '-i', inputUrl(path), '-map', '0:a:0', '-af', steadyAudio, '-f', 'null', '-'],
    signal,
    (line) => {
      const value = progressValue(line, 'out_time_us')
      if (value !== undefined) microseconds = value
    },
  )
  if (end.exitCode !== 0 || microseconds <= 0) {
    throw new EngineFailure('audio_unreadable', `the audio cannot be decoded: ${lastLine(end.stderr)}`)
  }
  return microseconds / 1_000_000
}

/** Gaps in a recording's time stamps become silence, so that the sound keeps its place and its length. */
export const steadyAudio = 'aresample=async=1:first_pts=0'

export const quietly: readonly string[] = ['-hide_banner', '-nostdin', '-v', 'error', '-y']

/** Runs one of the tools; a missing one is an engine that is missing. */
export async function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  onLine?: (line: string) => void,
): ReturnType<typeof runProgram> {
  try {
    return await runProgram({ program, args, signal, ...(onLine && { onLine }) })
  } catch (error) {
    if (error instanceof ProgramMissing) throw new EngineFailure('engine_missing', error.message, error)
    throw error
  }
}

/** A file's name is never taken for an option or another protocol. */
export function inputUrl(path: string): string {
  return `file:${path}`
}

/** One value of ffmpeg's `-progress` lines. */
export function progressValue(line: string, key: string): number | undefined {
  if (!line.startsWith(`${key}=`)) return undefined
  const value = Number(line.slice(key.length + 1))
  return Number.isFinite(value) ? value : undefined
}

export function lastLine(text: string): string {
  return (text.trim().split('\n').pop() ?? '').trim().slice(0, 300) || 'no reason given'
}

export function rateNumber(rate: string): number {
  const [top, bottom = '1'] = rate.split('/')
  const value = Number(top) / Number(bottom)
  return Number.isFinite(value) ? value : 0
}

function isSteady(stream: ProbedStream): boolean {
  const nominal = rateNumber(stream.r_frame_rate)
  const average = rateNumber(stream.avg_frame_rate)
  return average === 0 || Math.abs(nominal - average) < nominal * 0.01
}

/** The nominal rate where frames are even; the average where they are not (phones, screen recordings). */
function chooseFrameRate(stream: ProbedStream): string {
  const sensible = (rate: string): boolean => rateNumber(rate) >= 1 && rateNumber(rate) <= 120
  if (isSteady(stream) && sensible(stream.r_frame_rate)) return stream.r_frame_rate
  if (sensible(stream.avg_frame_rate)) return stream.avg_frame_rate
  return sensible(stream.r_frame_rate) ? stream.r_frame_rate : '25/1'
}
