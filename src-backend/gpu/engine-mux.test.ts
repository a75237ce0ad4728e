import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { h264, makeMedia, makePresenter, makeVoice, picture, probe, sound } from '../test-media'
import type { RenderProgress } from './engine'
import { MuxEngine } from './engine-mux'

const never = new AbortController().signal

describe('MuxEngine', { timeout: 60_000 }, () => {
  let dir: string
  let presenter: string
  let voice: string
  const engine = new MuxEngine({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' })
  let count = 0

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mux-'))
    presenter = makePresenter(dir)
    voice = makeVoice(dir)
    await engine.prepare(never)
  })
  afterAll(() => rm(dir, { recursive: true }))

  async function render(video: string, audio: string, signal = never, report: (progress: RenderProgress) => void = () => undefined) {
    const output = join(dir, `out-${String((count += 1))}`, 'result.mp4')
    await mkdir(join(output, '..'))
    const rendering = engine.render({ taskId: 't', video, audio, output, report, signal })
    return { output, rendering }
  }
  async function rendered(video: string, audio: string) {
    const { output, rendering } = await render(video, audio)
    await rendering
    expect(await readdir(join(output, '..'))).toEqual(['result.mp4'])
    const { streams, format } = probe(output)
    const videoStream = streams.find((stream) => stream.codec_type === 'video')!
    const audioStream = streams.find((stream) => stream.codec_type === 'audio')!
    expect([streams.length, videoStream.codec_name, videoStream.pix_fmt, audioStream.codec_name]).toEqual([2, 'h264', 'yuv420p', 'aac'])
    return { seconds: Number(format.duration), video: videoStream, frames: Number(videoStream.nb_frames), output }
  }

  it('is ready when ffmpeg is there', () => {
    expect(engine.state()).toEqual({ ready: true })
  })

  it('repeats a short presenter until the audio ends, with its size and frame rate', async () => {
    const result = await rendered(presenter, voice)
    expect(result.seconds).toBeCloseTo(2.5, 1)
    expect([result.frames, result.video.width, result.video.height, result.video.r_frame_rate]).toEqual([25, 64, 48, '10/1'])
  })

  it('cuts a long presenter to the audio', async () => {
    const result = await rendered(presenter, makeVoice(dir, 0.4))
    expect(result.seconds).toBeCloseTo(0.4, 1)
    expect(result.frames).toBe(4)
  })

  it('starts to play before all of it is there', async () => {
    const { output } = await rendered(presenter, voice)
    const bytes = await readFile(output)
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'))
  })

  it('counts frames as they are made, up to the last', async () => {
    const seen: RenderProgress[] = []
    const { rendering } = await render(presenter, voice, never, (progress) => seen.push(progress))
    await rendering
    expect(seen.at(-1)).toEqual({ frame: 25, totalFrames: 25 })
  })

  it.each<[string, string[]]>([
    ['mp3', ['-c:a', 'libmp3lame']],
    ['m4a', ['-c:a', 'aac']],
    ['aac', ['-c:a', 'aac']],
    ['wav', ['-ar', '8000', '-ac', '1']],
  ])('takes %s sound', async (ext, args) => {
    const audio = makeMedia(dir, `sound-${args.join('')}.${ext}`, ...sound(1.5), ...args)
    expect((await rendered(presenter, audio)).seconds).toBeCloseTo(1.5, 1)
  })

  it('takes a video with sound as the audio, and lets the presenter keep silent', async () => {
    const film = makeMedia(dir, 'film.mp4', ...picture(1.2, '32x32', '25'), ...sound(1.2), ...h264, '-c:a', 'aac')
    const result = await rendered(film, film)
    expect(result.seconds).toBeCloseTo(1.2, 1)
    expect((await rendered(presenter, film)).video.width).toBe(64)
  })

  it('shows a cover picture of the sound to nobody', async () => {
    const cover = makeMedia(dir, 'cover.png', ...picture(1), '-frames:v', '1')
    const audio = makeMedia(dir, 'covered.mp3', ...sound(1), '-i', cover, '-map', '0', '-map', '1', '-c:v', 'copy', '-disposition:v', 'attached_pic')
    expect((await rendered(presenter, audio)).video.width).toBe(64)
    await expect((await render(audio, audio)).rendering).rejects.toMatchObject({ code: 'video_unreadable' })
  })

  it('makes odd sizes even', async () => {
    const odd = makeMedia(dir, 'odd.mkv', ...picture(1), '-vf', 'format=rgb24,crop=63:47', '-c:v', 'ffv1')
    expect(probe(odd).streams[0]).toMatchObject({ width: 63, height: 47 })
    const { video } = await rendered(odd, voice)
    expect([video.width, video.height]).toEqual([62, 46])
  })

  it('turns a picture that is stored on its side', async () => {
    const turned = makeMedia(dir, 'turned.mp4', '-i', presenter, '-c', 'copy', '-metadata:s:v:0', 'rotate=90')
    const marked = probe(turned).streams[0]
    expect([marked?.width, marked?.height]).toEqual([64, 48])
    const { video } = await rendered(turned, voice)
    expect([video.width, video.height]).toEqual([48, 64])
  })

  it('keeps time where frames come unevenly', async () => {
    const uneven = makeMedia(dir, 'uneven.mp4', ...picture(2, '64x48', '30'), '-vf', "select='not(mod(n,2))+lt(n,20)'", '-vsync', 'vfr', ...h264)
    expect((await rendered(uneven, voice)).seconds).toBeCloseTo(2.5, 1)
  })

  it('repeats a single picture', async () => {
    const still = makeMedia(dir, 'still.mp4', ...picture(1), '-frames:v', '1', ...h264)
    expect((await rendered(still, makeVoice(dir, 1))).frames).toBe(10)
  })

  it('is not misled by names that look like options or addresses', async () => {
    const strange = join(dir, "-i http: 'x' $(y) 口型.mp4")
    await copyFile(presenter, strange)
    expect((await rendered(strange, voice)).frames).toBe(25)
  })

  it('says which file cannot be used, and why', async () => {
    const junk = join(dir, 'junk.mp4')
    await writeFile(junk, 'not media at all')
    const failure = async (video: string, audio: string): Promise<unknown> => {
      const { rendering, output } = await render(video, audio)
      const error: unknown = await rendering.catch((thrown: unknown) => thrown)
      expect(await readdir(join(output, '..'))).toEqual([])
      return error
    }
    expect(await failure(presenter, junk)).toMatchObject({ code: 'audio_unreadable', message: expect.stringMatching(/^the audio file cannot be read/) })
    expect(await failure(junk, voice)).toMatchObject({ code: 'video_unreadable', message: expect.stringMatching(/^the video file cannot be read/) })
    expect(await failure(presenter, presenter)).toMatchObject({ code: 'audio_unreadable', message: 'the audio file has no audio track' })
    expect(await failure(voice, voice)).toMatchObject({ code: 'video_unreadable', message: 'the video file has no video track' })
  })

  it('stops at once on abort and leaves nothing', async () => {
    const aborting = new AbortController()
    const long = makeVoice(dir, 600)
    const { output, rendering } = await render(presenter, long, aborting.signal, () => {
      aborting.abort(new Error('enough'))
    })
    await expect(rendering).rejects.toThrow('enough')
    expect(await readdir(join(output, '..'))).toEqual([])
  })

  it('says that ffmpeg is missing, and is ready when it comes', async () => {
    const tools = { ffmpegPath: join(dir, 'ffmpeg'), ffprobePath: 'ffprobe' }
    const late = new MuxEngine(tools)
    await expect(late.prepare(never)).rejects.toMatchObject({ code: 'engine_missing' })
    expect(late.state()).toEqual({ ready: false, reason: expect.stringContaining('ffmpeg missing') })
    await writeFile(tools.ffmpegPath, '#!/bin/sh\nexec ffmpeg "$@"\n', { mode: 0o755 })
    await late.prepare(never)
    expect(late.state()).toEqual({ ready: true })
  })

  it('says that an ffmpeg cannot encode', async () => {
    const poor = join(dir, 'poor-ffmpeg')
    await writeFile(poor, '#!/bin/sh\necho " A..... aac"\n', { mode: 0o755 })
    const engineWithPoor = new MuxEngine({ ffmpegPath: poor, ffprobePath: 'ffprobe' })
    await expect(engineWithPoor.prepare(never)).rejects.toThrow(/no libx264 encoder/)
  })
})
