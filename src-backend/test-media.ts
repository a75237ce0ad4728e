// Tiny real media for the tests, made by the ffmpeg that the tests need anyway.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ffmpeg = (...args: string[]): void => {
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args])
}

/** Makes a file with these ffmpeg arguments; returns its path. */
export function makeMedia(dir: string, name: string, ...args: string[]): string {
  const path = join(dir, name)
  ffmpeg(...args, path)
  return path
}

export const picture = (seconds: number, size = '64x48', rate = '10'): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${String(seconds)}`],
]
export const sound = (seconds: number): string[] => ['-f', 'lavfi', '-i', `sine=f=440:d=${String(seconds)}`]
export const h264: readonly string[] = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']

/** A presenter of one second, ten frames. */
export const makePresenter = (dir: string): string => makeMedia(dir, 'presenter.mp4', ...picture(1), ...h264)

export const makeVoice = (dir: string, seconds = 2.5): string =>
  makeMedia(dir, `voice-${String(seconds)}.wav`, ...sound(seconds), '-ar', '8000')

export const md5Of = (bytes: Buffer | string): string => createHash('md5').update(bytes).digest('hex')

export const md5OfFile = (path: string): string => md5Of(readFileSync(path))

export interface Probed {
  readonly streams: readonly {
    readonly codec_type: string
    readonly codec_name: string
    readonly width?: number
    readonly height?: number
    readonly nb_frames?: string
    readonly r_frame_rate: string
    readonly pix_fmt?: string
    readonly duration?: string
  }[]
  readonly format: { readonly duration: string }
}

/** What ffprobe says of a file. */
export function probe(path: string): Probed {
  const text = execFileSync('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', path], { encoding: 'utf8' })
  return JSON.parse(text) as Probed
}
