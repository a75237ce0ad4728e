import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPickedFiles } from './picked-files'
import { aac, h264, makeMedia, makePresenter, makeResult, makeVoice, picture, sound } from './submitter/testing/media-files'

const dir = mkdtempSync(join(tmpdir(), 'lipsync-test-picked-'))
const at = (name: string): string => join(dir, name)
beforeAll(() => {
  makePresenter(dir)
  makeVoice(dir, 1)
  makeResult(dir, 'both.mp4', 1)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const create = () => createPickedFiles((token) => `media:${token}`)
const thrownBy = (work: () => unknown): unknown => {
  try {
    work()
  } catch (thrown) {
    return thrown
  }
  throw new Error('nothing was thrown')
}

describe('picked files', () => {
  it('are told without their path, and become inputs by their token', async () => {
    const files = create()
    const picked = await files.take(at('presenter.mp4'), 'video')
    expect(picked).toMatchObject({ role: 'video', name: 'presenter.mp4', sizeBytes: expect.any(Number), media: { video: { codec: 'avc' } }, verdict: { kind: 'fine' }, mediaUrl: `media:${picked.token}` })
    expect(JSON.stringify(picked)).not.toContain(dir)
    expect(files.input(picked.token, 'video')).toMatchObject({ path: at('presenter.mp4'), name: 'presenter.mp4', md5: null })
    expect(files.pathOf(picked.token)).toBe(at('presenter.mp4'))
  })

  it('have a token each, also for the same file', async () => {
    const files = create()
    expect((await files.take(at('voice.wav'), 'audio')).token).not.toBe((await files.take(at('voice.wav'), 'audio')).token)
  })

  it('are told with the reason when they cannot be used, and give it again as an input', async () => {
    const files = create()
    const picked = await files.take(at('presenter.mp4'), 'audio')
    expect(picked).toMatchObject({ role: 'audio', sizeBytes: expect.any(Number), media: null, mediaUrl: null, verdict: { kind: 'cannot', error: { code: 'file_no_audio', detail: { file: 'presenter.mp4' } } } })
    expect(picked.sizeBytes).toBeGreaterThan(0)
    expect(thrownBy(() => files.input(picked.token, 'audio'))).toMatchObject({ code: 'file_no_audio' })
    const gone = await files.take(at('gone.mp4'), 'video')
    expect(gone).toMatchObject({ name: 'gone.mp4', sizeBytes: 0, verdict: { kind: 'cannot', error: { code: 'file_missing' } } })
    expect(JSON.stringify(gone)).not.toContain(dir)
  })

  it.each<[string, 'video' | 'audio', () => string, readonly string[]]>([
    ['sound out of a video', 'audio', () => at('both.mp4'), ['audio_from_video']],
    ['a container that only the server reads', 'video', () => makeMedia(dir, 'movie.avi', ...picture(1), ...sound(1)), ['unreadable_here']],
    ['a codec that the window does not play', 'video', () => makeMedia(dir, 'movie.mkv', ...picture(1), '-c:v', 'mpeg4'), ['codec_not_previewed']],
    ['an hour', 'audio', () => makeMedia(dir, 'hour.mp3', '-f', 'lavfi', '-i', 'anullsrc=r=8000:cl=mono', '-t', '3600', '-b:a', '8k'), ['very_long']],
  ])('are sent with a warning: %s', async (_what, role, make, warnings) => {
    const picked = await create().take(make(), role)
    expect(picked.verdict).toEqual({ kind: 'warn', warnings })
  })

  it.each<[string, 'video' | 'audio', () => string]>([
    ['presenter.mp4', 'video', () => at('presenter.mp4')],
    ['both.mp4', 'video', () => at('both.mp4')],
    ['voice.wav', 'audio', () => at('voice.wav')],
    ['sound in a video container', 'audio', () => makeMedia(dir, 'sound.mp4', ...sound(1), ...aac)],
    ['a video with a name of sound', 'video', () => copied('presenter.mp4', 'misnamed.wav')],
    ['sound that only the server reads', 'audio', () => makeMedia(dir, 'sound.aiff', ...sound(1))],
    ['a video that only the server reads', 'video', () => makeMedia(dir, 'movie.flv', ...picture(1), ...h264)],
    ['text with a name of sound', 'audio', () => text('text.WAV')],
    ['text with no name of either', 'video', () => text('text.txt')],
  ])('that were dropped go where they belong: %s', async (_what, role, make) => {
    expect((await create().take(make(), null)).role).toBe(role)
  })

  it('serve only in the role they were picked for', async () => {
    const files = create()
    const { token } = await files.take(at('both.mp4'), 'video')
    expect(thrownBy(() => files.input(token, 'audio'))).toMatchObject({ code: 'file_no_audio', detail: { file: 'both.mp4' } })
  })

  it('are forgotten when they are let go, and nobody knows a made-up token', async () => {
    const files = create()
    const { token } = await files.take(at('voice.wav'), 'audio')
    files.release(token)
    for (const one of [token, 'made-up']) {
      expect(files.pathOf(one)).toBeNull()
      expect(thrownBy(() => files.input(one, 'audio'))).toMatchObject({ code: 'file_missing' })
    }
  })

  it('do not fill the memory of a window that never lets go', async () => {
    const files = create()
    const first = await files.take(at('gone.mp4'), 'video')
    const later = []
    for (let count = 0; count < 500; count++) later.push(await files.take(at('gone.mp4'), 'video'))
    expect(files.pathOf(first.token)).toBeNull()
    expect(files.pathOf(later[0]!.token)).toBe(at('gone.mp4'))
  })
})

function copied(from: string, to: string): string {
  copyFileSync(at(from), at(to))
  return at(to)
}

function text(name: string): string {
  writeFileSync(at(name), 'nothing but words')
  return at(name)
}
