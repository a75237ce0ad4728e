// Inputs that take an engine no time: a presenter of a second, and voices of half of one, each another file.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export function makeInputs(dir, voiceCount) {
  const make = (name, ext, ...args) => {
    const path = join(dir, `${name}${ext}`)
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', ...args, path])
    return { path, ext, md5: createHash('md5').update(readFileSync(path)).digest('hex') }
  }
  return {
    presenter: make('presenter', '.mp4', '-i', 'testsrc2=s=64x48:r=10:d=1', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'),
    voices: Array.from({ length: voiceCount }, (_, index) => make(`voice-${String(index)}`, '.wav', '-i', `sine=f=${String(200 + index * 10)}:d=0.5`)),
  }
}
