// Makes the sample media in assets/sample, all our own: a drawn presenter (video) and a spoken sentence (audio).
// Needs ffmpeg, rsvg-convert and espeak-ng from the system; run it by hand, the results are committed.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drawPresenter } from './presenter-drawing.mjs'
import { projectRoot } from './project-root.mjs'

const SECONDS = 6
const FRAMES_PER_SECOND = 25
const BLINKS_AT = [1.1, 3.4, 5.1]
// Longer to say than the video lasts, so that the sample job has to loop the presenter.
// 大家好，欢迎来到口型工坊。选好视频和配音，几分钟之后，成片就好了。
// In pinyin, since espeak-ng reads Chinese characters only with a dictionary that Debian leaves out.
const SENTENCE =
  'da4 jia1 hao3, huan1 ying2 lai2 dao4 kou3 xing2 gong1 fang1. xuan2 hao3 shi4 pin2 he2 pei4 yin1, ji3 fen1 zhong1 zhi1 hou4, cheng2 pian4 jiu4 hao3 le5.'

const folder = join(projectRoot, 'assets', 'sample')
const temp = mkdtempSync(join(tmpdir(), 'samples-'))
mkdirSync(folder, { recursive: true })
try {
  await makePresenter(join(folder, 'presenter.mp4'))
  makeVoice(join(folder, 'voice.wav'))
} finally {
  rmSync(temp, { recursive: true, force: true })
}
for (const name of ['presenter.mp4', 'voice.wav']) console.log(`${name}: ${Math.round(statSync(join(folder, name)).size / 1000)} kB`)

async function makePresenter(path) {
  const ffmpeg = spawn(
    'ffmpeg',
    [
      ...['-v', 'error', '-y', '-f', 'image2pipe', '-framerate', String(FRAMES_PER_SECOND), '-c:v', 'png', '-i', '-'],
      // A quiet room rather than digital silence: presenters are filmed with their sound on.
      ...['-f', 'lavfi', '-i', `anoisesrc=color=brown:amplitude=0.004:seed=1:sample_rate=48000:duration=${SECONDS}`],
      ...['-c:v', 'libx264', '-preset', 'veryslow', '-crf', '21', '-pix_fmt', 'yuv420p', '-vf', 'scale=out_color_matrix=bt709:out_range=tv'],
      ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-g', '50'],
      ...['-c:a', 'aac', '-b:a', '64k', '-shortest', '-movflags', '+faststart', '-fflags', '+bitexact', '-flags:v', '+bitexact', path],
    ],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  )
  for (let frame = 0; frame < SECONDS * FRAMES_PER_SECOND; frame += 1) {
    const picture = run('rsvg-convert', ['-w', '540', '-h', '960'], drawPresenter(frame / FRAMES_PER_SECOND, SECONDS, BLINKS_AT))
    if (!ffmpeg.stdin.write(picture)) await once(ffmpeg.stdin, 'drain')
  }
  ffmpeg.stdin.end()
  const [code] = await once(ffmpeg, 'close')
  if (code !== 0) throw new Error(`ffmpeg ended with code ${code}`)
}

function makeVoice(path) {
  const spoken = join(temp, 'spoken.wav')
  run('espeak-ng', ['-v', 'cmn-latn-pinyin', '-s', '165', '-w', spoken, SENTENCE])
  run('ffmpeg', ['-v', 'error', '-y', '-i', spoken, '-ac', '1', '-ar', '22050', '-c:a', 'pcm_s16le', '-fflags', '+bitexact', path])
}

function run(command, args, input) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { input, maxBuffer: 64 * 1024 * 1024 })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ended with code ${status}: ${stderr}`)
  return stdout
}
