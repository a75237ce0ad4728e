// Tiny real media, made by the ffmpeg that the desk's own backend needs anyway.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Makes a file with these ffmpeg arguments; answers its path. */
export function makeMedia(dir: string, name: string, ...args: string[]): string {
  const path = join(dir, name)
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args, path])
  return path
}

export const picture = (seconds: number): string[] => ['-f', 'lavfi', '-i', `testsrc2=s=64x48:r=10:d=${seconds}`]
export const sound = (seconds: number): string[] => ['-f', 'lavfi', '-i', `sine=f=440:d=${seconds}`]
export const h264: readonly string[] = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
export const aac: readonly string[] = ['-c:a', 'aac', '-b:a', '64k']

export const makePresenter = (dir: string, name = 'presenter.mp4'): string => makeMedia(dir, name, ...picture(1), ...h264)
export const makeVoice = (dir: string, seconds = 2, name = 'voice.wav'): string => makeMedia(dir, name, ...sound(seconds))
/** What an engine answers: picture and sound of these lengths. */
export const makeResult = (dir: string, name: string, seconds = 2): string => makeMedia(dir, name, ...picture(seconds), ...sound(seconds), ...h264, ...aac)

export const md5Of = (content: Buffer | string): string => createHash('md5').update(content).digest('hex')
export const md5OfFile = (path: string): string => md5Of(readFileSync(path))
