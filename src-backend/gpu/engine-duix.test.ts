import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../log'
import { h264, makeMedia, makePresenter, makeVoice, picture, probe, sound } from '../test-media'
import { DuixClient } from './duix-client'
import { serveDuixFiles, type DuixFiles } from './duix-files'
import { DuixFolder } from './duix-folder'
import { DuixRuns } from './duix-runs'
import type { RenderProgress } from './engine'
import { DuixEngine, type DuixTimes } from './engine-duix'
import type { MediaTools } from './media'
import { DuixStandIn, type DuixPlan } from './test-duix'

const realTools = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' }
const times: DuixTimes = { pollMs: 2, busyMs: [1, 2], busyLimitMs: 5_000, stallMs: 10_000, stallPerSecondMs: 0, startMs: 2_000 }
const never = new AbortController().signal

describe('DuixEngine', { timeout: 60_000 }, () => {
  let media: string
  let presenter: string
  let voice: string
  let spoken: string
  /** Where it is the conversation that counts: programs that say a second of sound and picture of everything. */
  let quickTools: MediaTools
  beforeAll(async () => {
    media = await mkdtemp(join(tmpdir(), 'duix-media-'))
    presenter = makePresenter(media)
    voice = makeVoice(media, 1)
    spoken = makeMedia(media, 'spoken.mp4', ...picture(1), ...sound(1), ...h264, '-c:a', 'aac')
    const script = async (name: string, lines: string): Promise<string> => {
      await writeFile(join(media, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
      return join(media, name)
    }
    const { streams, format } = probe(spoken)
    quickTools = {
      ffmpegPath: await script('ffmpeg', 'for last; do :; done; case $last in file:*) echo x > "${last#file:}";; *) echo out_time_us=1000000;; esac'),
      ffprobePath: await script('ffprobe', `echo '${JSON.stringify({ streams, format })}'`),
    }
  })
  afterAll(() => rm(media, { recursive: true }))

  let dir: string
  let service: DuixStandIn
  let url: string
  let files: DuixFiles | undefined
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'duix-'))
    service = new DuixStandIn(join(dir, 'shared'), spoken)
    url = await service.listen()
    files = undefined
  })
  afterEach(async () => {
    service.close()
    await files?.close()
    await rm(dir, { recursive: true })
  })

  const engineWith = (more: { readonly tools?: MediaTools; readonly restartCommand?: readonly string[]; readonly times?: Partial<DuixTimes>; readonly requestMs?: number } = {}) =>
    new DuixEngine({
      client: new DuixClient(url, more.requestMs ?? 500),
      folder: new DuixFolder(join(dir, 'shared'), more.tools ?? quickTools, files?.url, 1),
      runs: new DuixRuns(join(dir, 'runs')),
      times: { ...times, ...more.times },
      restartCommand: more.restartCommand,
      log: createLog(() => undefined),
    })
  const inTemp = () => readdir(join(dir, 'shared', 'temp'))
  const render = async (
    engine = engineWith(),
    more: { readonly video?: string; readonly audio?: string; readonly signal?: AbortSignal } = {},
  ) => {
    const seen: RenderProgress[] = []
    const output = join(dir, 'result.mp4')
    await engine.prepare(never)
    await engine.render({
      ...{ taskId: 'heygem_1', video: presenter, audio: voice, output, signal: never },
      report: (progress) => seen.push(progress),
      ...more,
    })
    return { seen, output }
  }
  const failureOf = (rendering: Promise<unknown>): Promise<unknown> => rendering.then(() => undefined, (thrown: unknown) => thrown)

  it('is ready when the service answers a question about nothing', async () => {
    const engine = engineWith()
    expect(engine.state().ready).toBe(false)
    await engine.prepare(never)
    expect(engine.state()).toEqual({ ready: true })
  })

  it('is not ready while there is no service, or a page in its place, and says so', async () => {
    service.queryAnswers = ['html']
    const engine = engineWith()
    await expect(engine.prepare(never)).rejects.toThrow('does not answer')
    expect(engine.state()).toMatchObject({ ready: false, reason: expect.stringContaining('does not answer') })
  })

  it('renders, and leaves nothing in the shared folder', async () => {
    const { output, seen } = await render(engineWith({ tools: realTools }))
    expect(probe(output).streams.map((stream) => stream.codec_name).sort()).toEqual(['aac', 'h264'])
    expect(service.orders).toMatchObject([{ code: 'heygem-1-1', audio_url: 'heygem-1-1-a.wav', video_url: 'heygem-1-1-v.mp4', pn: 1 }])
    expect(seen).toContainEqual({ percent: 80, estimated: false })
    expect([await inTemp(), await readdir(join(dir, 'runs'))]).toEqual([[], []])
  })

  it('marks what nobody counted', async () => {
    service.plans = [{ steps: Array<number>(20).fill(20) }]
    const { seen } = await render()
    const guesses = seen.filter((progress) => 'percent' in progress && progress.estimated)
    expect(guesses.length).toBeGreaterThan(0)
    for (const guess of guesses) expect((guess as { percent: number }).percent).toBeLessThan(80)
  })

  it('gives the engine sound and picture as it needs them', async () => {
    const odd = makeMedia(media, 'odd.mkv', ...picture(3), '-vf', 'format=rgb24,crop=63:47', '-c:v', 'ffv1')
    const stereo = makeMedia(media, 'stereo.mp3', ...sound(1), '-ac', '2')
    service.plans = [{ end: { kind: 'silent', file: false } }]
    const stopping = new AbortController()
    const rendering = render(engineWith({ tools: realTools }), { video: odd, audio: stereo, signal: stopping.signal })
    while (service.orders.length === 0) await new Promise(setImmediate)
    const made = probe(join(dir, 'shared', 'temp', 'heygem-1-1-a.wav')).streams[0]
    expect(made).toMatchObject({ codec_name: 'pcm_s16le', sample_rate: '44100', channels: 1 })
    const { streams, format } = probe(join(dir, 'shared', 'temp', 'heygem-1-1-v.mp4'))
    expect(streams).toHaveLength(1)
    expect(streams[0]).toMatchObject({ codec_name: 'h264', pix_fmt: 'yuv420p', width: 62, height: 46, r_frame_rate: '10/1' })
    // No longer than it is needed.
    expect(Number(format.duration)).toBeCloseTo(2, 0)
    stopping.abort(new Error('seen'))
    await expect(rendering).rejects.toThrow('seen')
  })

  it.each(['bare', 'absolute', 'address'] as const)('finds out that this image wants %s names, once', async (style) => {
    const port = await freePort()
    files = await serveDuixFiles(join(dir, 'shared', 'temp'), `http://127.0.0.1:${String(port)}`)
    service.styles = [style]
    const engine = engineWith()
    await render(engine)
    const tried = service.fixtures
    expect(tried).toBe(['bare', 'absolute', 'address'].indexOf(style) + 1)
    await render(engine)
    expect(service.fixtures).toBe(tried)
    expect(service.orders[0]?.audio_url).toMatch({ bare: /^heygem/, absolute: /^\/code\/data\/temp\/heygem/, address: /^http/ }[style])
  })

  it('says what may be wrong when the engine finds no files at all', async () => {
    service.styles = []
    expect(await failureOf(render())).toMatchObject({ code: 'engine_failed', message: expect.stringContaining('DUIX_DATA_DIR') })
  })

  it('waits while it is busy', async () => {
    service.submitAnswers = [10001, 10001, 10001]
    await render()
    expect(service.orders).toHaveLength(1)
  })

  it('takes an engine that is busy for ever for stuck', async () => {
    const engine = engineWith({ times: { busyLimitMs: 20 } })
    service.submitAnswers = Array<number>(10_000).fill(10001)
    expect(await failureOf(render(engine))).toMatchObject({ code: 'engine_stalled', message: expect.stringContaining('busy') })
    expect(engine.state().ready).toBe(false)
  })

  it.each([
    ['a lock failure', [10003, 10003]],
    ['an internal error', [9999]],
    ['a page', ['html', 'html']],
    ['an answer that never comes', ['late']],
    ['an answer that is lost', ['lost']],
  ] as const)('tries again after %s, without ordering twice', async (_what, answers) => {
    const engine = engineWith({ requestMs: 100 })
    // The path style first: these answers are for the order itself.
    await render(engine)
    service.submitAnswers = [...answers]
    await render(engine)
    expect(service.orders).toHaveLength(2)
  })

  it('gives up on a missing field at once, in its words', async () => {
    const engine = engineWith()
    await render(engine)
    service.submitAnswers = [10002]
    expect(await failureOf(render(engine))).toMatchObject({ code: 'engine_failed', message: expect.stringContaining('a reason') })
  })

  it('asks on through pages and silence', async () => {
    const engine = engineWith({ requestMs: 50 })
    await render(engine)
    await engine.prepare(never)
    service.plans = [{ steps: [5, 20, 80] }]
    const rendering = render(engine)
    while (!service.busy) await new Promise(setImmediate)
    service.queryAnswers = ['html', 'late', 'html']
    await rendering
  })

  it.each<[string, DuixPlan]>([
    ['says done with a name that leads elsewhere', { end: { kind: 'done', result: '/../../../etc/passwd' } }],
    ['forgets the job and leaves its result', { end: { kind: 'vanished', file: true } }],
    ['stays at 100 with the result there', { steps: [20, 100], end: { kind: 'silent', file: true } }],
  ])('takes the result when the engine %s', async (_what, plan) => {
    service.plans = [plan]
    await render()
    expect(service.orders).toHaveLength(1)
  })

  it('orders once more what the engine forgot, and then says so', async () => {
    service.plans = [{ end: { kind: 'vanished', file: false } }]
    await render()
    expect(service.orders.map((order) => order.code)).toEqual(['heygem-1-1', 'heygem-1-2'])
    service.plans = [{ end: { kind: 'vanished', file: false } }, { end: { kind: 'vanished', file: false } }]
    expect(await failureOf(render())).toMatchObject({ code: 'engine_failed', message: expect.stringContaining('forgot') })
    expect(await readdir(join(dir, 'runs'))).toEqual([])
  })

  it.each([
    ['存在多人脸', 'multiple_faces', 1],
    ['file create failed: /code/data', 'engine_disk', 1],
    ['format video error', 'video_unreadable', 2],
    ['三次获取音频时长失败', 'audio_unreadable', 2],
    ['something new', 'engine_failed', 1],
    ['任务视频驱动队列满', 'engine_stalled', 1],
  ])('on %j says %s after %i order(s), in the engine’s words', async (msg, code, orders) => {
    const plan: DuixPlan = { end: { kind: 'failed', msg } }
    service.plans = [plan, plan]
    expect(await failureOf(render())).toMatchObject({ code, message: expect.stringContaining(msg) })
    expect(service.orders).toHaveLength(orders)
    expect([await inTemp(), await readdir(join(dir, 'runs'))]).toEqual([[], []])
  })

  it('makes the inputs anew when the engine cannot read them', async () => {
    service.plans = [{ end: { kind: 'failed', msg: 'format video error' } }]
    await render()
    expect(service.orders).toHaveLength(2)
  })

  it('says that a silent engine is stuck, and gives it nothing more until it answers', async () => {
    service.plans = [{ steps: [20], end: { kind: 'silent', file: false } }]
    const engine = engineWith({ times: { stallMs: 100 } })
    expect(await failureOf(render(engine))).toMatchObject({ code: 'engine_stalled', message: expect.stringContaining('20 %') })
    expect(engine.state().ready).toBe(false)
  })

  it('restarts a silent engine where it can, and orders once more', async () => {
    service.plans = [{ steps: [5], end: { kind: 'silent', file: false } }]
    const mark = join(dir, 'restarted')
    const restartCommand = [process.execPath, '-e', `require('fs').writeFileSync(${JSON.stringify(mark)}, '')`]
    const engine = engineWith({ restartCommand, times: { stallMs: 500 } })
    const rendering = render(engine)
    while (!(await readdir(dir)).includes('restarted')) await new Promise(setImmediate)
    service.restart()
    await rendering
    expect(service.orders.map((order) => order.code)).toEqual(['heygem-1-1', 'heygem-1-2'])
    // Another start of the engine may be another image.
    expect(service.fixtures).toBe(2)
  })

  it('gives up when the restart does not work', async () => {
    service.plans = [{ end: { kind: 'failed', msg: 'no final result' } }]
    const engine = engineWith({ restartCommand: [process.execPath, '-e', 'process.exit(1)'] })
    expect(await failureOf(render(engine))).toMatchObject({ code: 'engine_stalled' })
    expect(service.orders).toHaveLength(1)
  })

  it('finds its job again in the next process, and orders nothing', async () => {
    service.plans = [{ steps: [20, 20, 20, 80] }]
    const stopping = new AbortController()
    const rendering = render(engineWith(), { signal: stopping.signal })
    while (service.orders.length === 0) await new Promise(setImmediate)
    stopping.abort(new Error('the end of the process'))
    await expect(rendering).rejects.toThrow('the end of the process')
    await render(engineWith())
    expect(service.orders).toHaveLength(1)
    expect(service.fixtures).toBe(1)
  })

  it('acts on an end that an earlier process was told', async () => {
    await mkdir(join(dir, 'runs'))
    const run = { attempt: 1, phase: 'answered', answer: { kind: 'failed', message: '存在多人脸' }, spent: [] }
    await writeFile(join(dir, 'runs', 'heygem_1.json'), JSON.stringify(run))
    expect(await failureOf(render())).toMatchObject({ code: 'multiple_faces' })
    expect(service.orders).toHaveLength(0)
  })

  it('does not take a result of another length, or none that can be read', async () => {
    expect(await failureOf(render(engineWith({ tools: realTools }), { audio: makeVoice(media, 4) }))).toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining('off the audio'),
    })
    expect(await inTemp()).toEqual([])
  })

  it('says which input cannot be used before the engine is asked', async () => {
    expect(await failureOf(render(engineWith({ tools: realTools }), { audio: presenter }))).toMatchObject({ code: 'audio_unreadable' })
    expect(await failureOf(render(engineWith({ tools: realTools }), { video: voice }))).toMatchObject({ code: 'video_unreadable' })
    expect(service.orders).toHaveLength(0)
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
