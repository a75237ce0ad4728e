import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFacts, readInput, statFile } from './media-probe'
import { failureOf } from './testing/failure-of'
import { aac, h264, makeMedia, makePresenter, makeResult, makeVoice, picture, sound } from './testing/media-files'

const dir = mkdtempSync(join(tmpdir(), 'lipsync-test-probe-'))
const at = (name: string): string => join(dir, name)
beforeAll(() => {
  makePresenter(dir)
  makeVoice(dir, 2)
  makeResult(dir, 'both.mp4', 2)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('a picked file', () => {
  it('is read with what the person may want to know', async () => {
    const { size, mtimeMs } = statSync(at('presenter.mp4'))
    expect(await readInput(at('presenter.mp4'), 'video')).toEqual({
      path: at('presenter.mp4'),
      name: 'presenter.mp4',
      ext: '.mp4',
      sizeBytes: size,
      mtimeMs,
      media: { container: 'MP4', durationSec: expect.closeTo(1, 1), video: { codec: 'avc', width: 64, height: 48, fps: expect.closeTo(10, 0) }, audio: null },
      md5: null,
    })
    expect(await readInput(at('voice.wav'), 'audio')).toMatchObject({
      ext: '.wav',
      media: { durationSec: expect.closeTo(2, 2), video: null, audio: { codec: 'pcm-s16', sampleRateHz: 44_100, channels: 1 } },
    })
  })

  it.each(['口型 工坊.mp4', '🎤👩‍🚀.mp4', `it's "quoted" #1 %20.mp4`, ' leading and trailing .mp4', '-dash.mp4'])('may be called %s', async (name) => {
    copyFileSync(at('presenter.mp4'), at(name))
    expect(await readInput(at(name), 'video')).toMatchObject({ name, ext: '.mp4', media: { video: { codec: 'avc' } } })
  })

  it.each([
    ['PRESENTER.MP4', '.mp4'],
    ['no-extension', '.mp4'],
    ['strange.m$4', '.mp4'],
    ['long.verylongextension', '.mp4'],
    ['dot.', '.mp4'],
    ['two.dots.MoV', '.mov'],
  ])('called %s goes to the server as %s', async (name, ext) => {
    copyFileSync(at('presenter.mp4'), at(name))
    expect((await readInput(at(name), 'video')).ext).toBe(ext)
  })

  it('of sound without an extension goes to the server as .wav', async () => {
    copyFileSync(at('voice.wav'), at('voice'))
    expect((await readInput(at('voice'), 'audio')).ext).toBe('.wav')
  })

  it('with picture and sound serves as either', async () => {
    expect((await readInput(at('both.mp4'), 'video')).media?.audio).not.toBeNull()
    expect((await readInput(at('both.mp4'), 'audio')).media?.video).not.toBeNull()
  })

  it.each<[string, 'video' | 'audio', string, () => string]>([
    ['is not there', 'video', 'file_missing', () => at('gone.mp4')],
    ['lies below a file', 'video', 'file_missing', () => join(at('presenter.mp4'), 'below.mp4')],
    ['is empty', 'video', 'file_empty', () => made('empty.mp4', '')],
    ['is a folder', 'video', 'file_is_directory', () => folder('folder.mp4')],
    ['is a link to itself', 'video', 'file_unreadable', () => link('loop.mp4', 'loop.mp4')],
    ['is a link to nothing', 'video', 'file_missing', () => link('dangling.mp4', 'nothing.mp4')],
    ['has a name that is too long', 'video', 'file_unreadable', () => at(`${'x'.repeat(300)}.mp4`)],
    ['is text', 'video', 'file_not_media', () => made('text.mp4', 'this is no video at all, just words\n'.repeat(50))],
    ['is a single byte', 'audio', 'file_not_media', () => made('one.wav', 'x')],
    ['is noise', 'video', 'file_not_media', () => made('noise.mp4', randomBytes(50_000))],
    ['is zeros', 'audio', 'file_not_media', () => made('zeros.wav', Buffer.alloc(50_000))],
    ['is a page of the web', 'video', 'file_not_media', () => made('page.mp4', '<!doctype html><html></html>')],
    ['is the beginning of a video', 'video', 'file_not_media', () => cut('cut.mp4', 'presenter.mp4', 0.5)],
    ['has no picture', 'video', 'file_no_video', () => makeMedia(dir, 'blind.m4a', ...sound(1), ...aac)],
    ['is only sound', 'video', 'file_no_video', () => at('voice.wav')],
    ['has no sound', 'audio', 'file_no_audio', () => at('presenter.mp4')],
  ])('that %s is refused as %s: %s', async (_what, role, code, make) => {
    const path = make()
    const failure = await failureOf(readInput(path, role))
    expect(failure.code).toBe(code)
    expect(String(failure.detail['file'])).not.toContain('/')
  })

  it.runIf(process.platform === 'linux')('that is a device is refused', async () => {
    expect((await failureOf(statFile('/dev/null'))).code).toBe('file_unreadable')
  })

  it.runIf(process.platform !== 'win32' && process.getuid !== undefined)('that this user must not read is refused', async () => {
    const path = at('secret.mp4')
    copyFileSync(at('presenter.mp4'), path)
    execFileSync('chmod', ['000', path])
    // Root may read everything; as somebody else, for this one moment, it may not.
    const isRoot = process.getuid?.() === 0
    if (isRoot) execFileSync('chmod', ['755', dir])
    if (isRoot) process.seteuid?.(65_534)
    try {
      expect((await failureOf(readInput(path, 'video'))).toData()).toEqual({ code: 'file_unreadable', detail: { file: 'secret.mp4' } })
    } finally {
      if (isRoot) process.seteuid?.(0)
    }
  })
})

describe('facts of a file', () => {
  it('that does not start at zero count from its start', async () => {
    // Transport streams begin at 1.4 s, or wherever their recording stood.
    const path = makeMedia(dir, 'late.ts', ...picture(2), ...sound(2), ...h264, ...aac, '-output_ts_offset', '100')
    expect((await readFacts(path))?.durationSec).toBeCloseTo(2, 0)
  })

  it.each([
    ['movie.mov', [...h264, ...aac], 'avc', 'aac'],
    ['movie.mkv', [...h264, ...aac], 'avc', 'aac'],
    ['movie.webm', ['-c:v', 'libvpx', '-c:a', 'libopus'], 'vp8', 'opus'],
  ])('of %s are read', async (name, codecs, videoCodec, audioCodec) => {
    const path = makeMedia(dir, name, ...picture(1), ...sound(1), ...codecs)
    expect(await readFacts(path)).toMatchObject({ durationSec: expect.closeTo(1, 0), video: { codec: videoCodec, width: 64, height: 48 }, audio: { codec: audioCodec } })
  })

  it.each([
    ['sound.mp3', ['-c:a', 'libmp3lame'], 'mp3'],
    ['sound.flac', [], 'flac'],
    ['sound.ogg', ['-c:a', 'libvorbis'], 'vorbis'],
    ['sound.aac', [], 'aac'],
    ['sound.m4a', [], 'aac'],
  ])('of %s are read', async (name, codecs, codec) => {
    const path = makeMedia(dir, name, ...sound(1), ...codecs)
    expect(await readFacts(path)).toMatchObject({ durationSec: expect.closeTo(1, 0), video: null, audio: { codec } })
  })

  it('count pixels as they are shown, after rotation', async () => {
    const content = readFileSync(at('presenter.mp4'))
    // The track's matrix, a quarter turn; older and newer ffmpeg have other options for it.
    const matrix = content.indexOf('tkhd') + 4 + 40
    for (const [place, value] of [0, 0x10000, 0, -0x10000, 0].entries()) content.writeInt32BE(value, matrix + place * 4)
    expect((await readFacts(made('upright.mp4', content)))?.video).toMatchObject({ width: 48, height: 64 })
  })

  it.each([
    ['movie.avi', [...picture(1), ...sound(1)]],
    ['movie.flv', [...picture(1), ...sound(1), ...h264, ...aac]],
    ['movie.wmv', [...picture(1), ...sound(1)]],
    ['movie.mpg', [...picture(1), '-r', '25']],
    ['sound.aiff', sound(1)],
    ['sound.caf', sound(1)],
  ])('of %s are left to the server', async (name, args) => {
    const path = makeMedia(dir, name, ...args)
    expect(await readFacts(path)).toBeNull()
    expect((await readInput(path, name.startsWith('movie') ? 'video' : 'audio')).media).toBeNull()
  })

  it('of a large file need no reading of all of it', async () => {
    // Moov first, then room for terabytes: reading it would take for ever.
    makeMedia(dir, 'large.mp4', '-i', at('presenter.mp4'), '-c', 'copy', '-movflags', '+faststart')
    truncateSync(at('large.mp4'), 200 * 1024 ** 3)
    expect((await readFacts(at('large.mp4')))?.durationSec).toBeCloseTo(1, 1)
  })
})

function made(name: string, content: string | Buffer): string {
  writeFileSync(at(name), content)
  return at(name)
}

function folder(name: string): string {
  mkdirSync(at(name), { recursive: true })
  return at(name)
}

function link(name: string, to: string): string {
  symlinkSync(to, at(name))
  return at(name)
}

function cut(name: string, of: string, share: number): string {
  const whole = readFileSync(at(of))
  return made(name, whole.subarray(0, whole.length * share))
}
