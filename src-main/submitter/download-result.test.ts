import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Job, JobEvent } from '../../src-shared/job'
import { checkOutputFolder, checkResult, downloadResult, partPath, resultBaseName } from './download-result'
import { createGpuClient } from './gpu-client'
import { failureOf, never, stopOf, until } from './testing/failure-of'
import { aac, h264, makeMedia, makeResult, picture, sound } from './testing/media-files'
import { holdNames, makeReadOnly } from './testing/read-only-folder'
import { noWaiting, sampleInput, sampleJob, sampleServers } from './testing/sample-jobs'
import { startScriptedServer, type ScriptedServer } from './testing/scripted-server'
import { useTempDirs } from './testing/temp-dir'

let mediaDir: string
let goodResult: Buffer
beforeAll(() => {
  mediaDir = mkdtempSync(join(tmpdir(), 'lipsync-test-media-'))
  goodResult = readFileSync(makeResult(mediaDir, 'good.mp4', 2))
})
afterAll(() => rmSync(mediaDir, { recursive: true, force: true }))

describe('downloadResult', () => {
  const tempDir = useTempDirs()
  let server: ScriptedServer
  let outputDir: string
  beforeEach(async () => {
    server = await startScriptedServer()
    outputDir = tempDir()
  })
  afterEach(() => server.close())

  const download = (more: { job?: Partial<Job>; tries?: number; report?: (event: JobEvent) => void; signal?: AbortSignal } = {}) =>
    downloadResult(
      sampleJob({ outputDir, ...more.job }),
      { taskId: 'task-1', engine: 'mux' },
      async () => createGpuClient(sampleServers({ gpuUrl: server.url })),
      more.report ?? (() => undefined),
      more.signal ?? never,
      noWaiting(more.tries ?? 1),
    )
  const video = { 'Content-Type': 'video/mp4' }

  it('stores a result that is right under the names of its inputs', async () => {
    const events: JobEvent[] = []
    const result = download({ report: (event) => events.push(event) })
    const asked = await server.next()
    expect(asked).toMatchObject({ method: 'GET', url: '/api/heygem/download?task_id=task-1', headers: { authorization: 'Bearer gpu-secret-5678' } })
    asked.answer(200, goodResult, video)
    expect(await result).toEqual({
      path: join(outputDir, 'presenter-voice.mp4'),
      name: 'presenter-voice.mp4',
      sizeBytes: goodResult.length,
      durationSec: expect.closeTo(2, 1),
      engine: 'mux',
    })
    expect(readdirSync(outputDir)).toEqual(['presenter-voice.mp4'])
    expect(readFileSync(join(outputDir, 'presenter-voice.mp4')).equals(goodResult)).toBe(true)
    expect(events.at(-1)).toMatchObject({ type: 'downloadProgressed', progress: { unit: 'bytes', done: goodResult.length, total: goodResult.length } })
  })

  it('asks again while the server says that it is not done', async () => {
    const result = download({ tries: 3 })
    ;(await server.next()).answer(400, { code: 400, msg: 'not done: processing' })
    ;(await server.next()).answer(400, { code: 400, msg: 'not done: processing' })
    ;(await server.next()).answer(200, goodResult, video)
    expect((await result).sizeBytes).toBe(goodResult.length)
  })

  it('fetches anew what was cut off, and leaves nothing behind in the end', async () => {
    const failure = failureOf(download({ tries: 2 }))
    for (let round = 0; round < 2; round++) {
      const asked = await server.next()
      asked.response.writeHead(200, { ...video, 'Content-Length': goodResult.length })
      await new Promise((resolve) => asked.response.write(goodResult.subarray(0, 1000), resolve))
      asked.reset()
    }
    expect((await failure).code).toBe('result_truncated')
    expect(readdirSync(outputDir)).toEqual([])
  })

  it('gets the whole result after one that was cut off', async () => {
    const result = download({ tries: 2 })
    const asked = await server.next()
    asked.response.writeHead(200, { ...video, 'Content-Length': goodResult.length })
    await new Promise((resolve) => asked.response.write(goodResult.subarray(0, 1000), resolve))
    asked.reset()
    ;(await server.next()).answer(200, goodResult, video)
    await result
    expect(readFileSync(join(outputDir, 'presenter-voice.mp4')).equals(goodResult)).toBe(true)
  })

  it.each([
    [400, { code: 400, msg: 'not done' }, 'result_not_ready'],
    [404, { code: 404, msg: 'gone' }, 'result_gone'],
    [404, '<html></html>', 'result_gone'],
    [401, { code: 401, msg: 'no' }, 'secret_wrong'],
    [500, '<html></html>', 'server_failed'],
    [502, '', 'server_failed'],
    [200, { code: 404, msg: 'unknown task' }, 'server_refused'],
    [200, '{"half', 'server_not_json'],
  ])('calls an answer %i %j %s', async (status, body, code) => {
    const failure = failureOf(download())
    ;(await server.next()).answer(status, body, { 'Content-Type': typeof body === 'string' && body.startsWith('<') ? 'text/html' : 'application/json' })
    expect((await failure).code).toBe(code)
    expect(readdirSync(outputDir)).toEqual([])
  })

  it.each([
    ['has no sound', 'result_no_audio', (dir: string) => makeMedia(dir, 'silent.mp4', ...picture(2), ...h264)],
    ['has no picture', 'result_no_video', (dir: string) => makeMedia(dir, 'blind.m4a', ...sound(2), ...aac)],
    ['is too short', 'result_wrong_duration', (dir: string) => makeResult(dir, 'short.mp4', 1.4)],
    ['is too long', 'result_wrong_duration', (dir: string) => makeResult(dir, 'long.mp4', 2.7)],
  ])('refuses a result that %s and keeps nothing of it', async (_what, code, make) => {
    const content = readFileSync(make(mediaDir))
    const failure = failureOf(download({ tries: 5 }))
    ;(await server.next()).answer(200, content, video)
    expect((await failure).code).toBe(code)
    expect(server.seen()).toBe(1)
    expect(readdirSync(outputDir)).toEqual([])
  })

  it.each([
    ['text', Buffer.from('this is not a video at all')],
    ['zeros', Buffer.alloc(5000)],
    ['the beginning of a video', () => goodResult.subarray(0, goodResult.length / 2)],
  ])('refuses %s as no media', async (_what, content) => {
    const failure = failureOf(download())
    ;(await server.next()).answer(200, typeof content === 'function' ? content() : content, video)
    expect((await failure).code).toBe('result_not_media')
    expect(readdirSync(outputDir)).toEqual([])
  })

  it('takes a result within half a second of the audio, and any where the audio could not be read here', async () => {
    const near = download({ job: { audio: sampleInput('voice.wav', { media: { ...sampleInput('x.wav').media!, durationSec: 2.4 } }) } })
    ;(await server.next()).answer(200, goodResult, video)
    await near
    const unknown = download({ job: { audio: sampleInput('voice.wma', { media: null }) } })
    ;(await server.next()).answer(200, goodResult, video)
    await unknown
  })

  it('never overwrites a file that has the name already', async () => {
    writeFileSync(join(outputDir, 'presenter-voice.mp4'), "the person's own")
    writeFileSync(join(outputDir, 'presenter-voice (2).mp4'), "the person's own too")
    const result = download()
    ;(await server.next()).answer(200, goodResult, video)
    expect((await result).name).toBe('presenter-voice (3).mp4')
    expect(readFileSync(join(outputDir, 'presenter-voice.mp4'), 'utf8')).toBe("the person's own")
    expect(readFileSync(join(outputDir, 'presenter-voice (2).mp4'), 'utf8')).toBe("the person's own too")
  })

  it('gives two results that end at once a name each', async () => {
    const results = ['job-1', 'job-2', 'job-3'].map((id) => download({ job: { id } }))
    for (const asked of [await server.next(), await server.next(), await server.next()]) asked.answer(200, goodResult, video)
    expect((await Promise.all(results)).map(({ name }) => name).sort()).toEqual(['presenter-voice (2).mp4', 'presenter-voice (3).mp4', 'presenter-voice.mp4'])
    expect(readdirSync(outputDir)).toHaveLength(3)
  })

  it('ends also where the file cannot be taken from its first name, as while a virus scanner reads it', async ({ skip }) => {
    const holding = holdNames(outputDir)
    if ('why' in holding) return skip(holding.why)
    try {
      const result = download()
      ;(await server.next()).answer(200, goodResult, video)
      expect((await result).name).toBe('presenter-voice.mp4')
      expect(readdirSync(outputDir).sort()).toEqual(['.lipsync-job-1.part', 'presenter-voice.mp4'])
    } finally {
      holding.undo()
    }
  })

  it('can name and store names of 255 signs', async () => {
    const job = { video: sampleInput(`${'口型🎤'.repeat(60)}.mp4`), audio: sampleInput(`${'x'.repeat(250)}.wav`) }
    writeFileSync(join(outputDir, `${resultBaseName(sampleJob(job))}.mp4`), '')
    const result = download({ job })
    ;(await server.next()).answer(200, goodResult, video)
    expect((await result).name).toMatch(/ \(2\)\.mp4$/)
  })

  it.each(['at its first bytes', 'in its middle'])('stops %s when it is asked to and leaves nothing behind', async (when) => {
    const stopping = new AbortController()
    let started = (): void => undefined
    const some = new Promise<void>((resolve) => (started = resolve))
    const stopped = stopOf(download({ signal: stopping.signal, report: () => started() }))
    const asked = await server.next()
    asked.response.writeHead(200, { ...video, 'Content-Length': goodResult.length }).write(goodResult.subarray(0, 1000))
    await some
    if (when === 'in its middle') await until(() => readdirSync(outputDir).includes('.lipsync-job-1.part'))
    stopping.abort()
    await stopped
    expect(readdirSync(outputDir)).toEqual([])
  })

  it('asks nothing of the server when the folder is gone', async () => {
    rmSync(outputDir, { recursive: true })
    expect((await failureOf(download())).code).toBe('output_missing')
    expect(server.seen()).toBe(0)
  })

  it('says that the folder went away meanwhile', async () => {
    const failure = failureOf(download())
    const asked = await server.next()
    rmSync(outputDir, { recursive: true })
    asked.answer(200, goodResult, video)
    expect((await failure).code).toBe('output_missing')
  })
})

describe('checkOutputFolder', () => {
  const tempDir = useTempDirs()

  it('lets a folder pass that can be written to', async () => {
    await checkOutputFolder(tempDir())
  })

  it('knows a folder that is gone, and one that is a file', async () => {
    const dir = tempDir()
    writeFileSync(join(dir, 'file'), '')
    expect((await failureOf(checkOutputFolder(join(dir, 'gone')))).toData()).toEqual({ code: 'output_missing', detail: { folder: 'gone' } })
    expect((await failureOf(checkOutputFolder(join(dir, 'file')))).toData()).toEqual({ code: 'output_missing', detail: { folder: 'file' } })
    expect((await failureOf(checkOutputFolder(join(dir, 'file', 'below')))).code).toBe('output_missing')
  })

  it('knows a folder that must not be written to', async ({ skip }) => {
    const dir = join(tempDir(), 'locked')
    mkdirSync(dir)
    const locked = makeReadOnly(dir)
    if ('why' in locked) return skip(locked.why)
    try {
      expect((await failureOf(checkOutputFolder(dir))).toData()).toEqual({ code: 'output_not_writable', detail: { folder: 'locked' } })
    } finally {
      locked.undo()
    }
  })
})

describe('checkResult', () => {
  it('answers how long the result is', async () => {
    expect(await checkResult(join(mediaDir, 'good.mp4'), 2)).toBeCloseTo(2, 1)
  })

  it('says by how much the duration is wrong', async () => {
    expect((await failureOf(checkResult(join(mediaDir, 'good.mp4'), 3))).toData()).toEqual({ code: 'result_wrong_duration', detail: { expectedSec: 3, actualSec: 2 } })
  })

  it('takes no container that only a server reads for a result', async () => {
    const avi = makeMedia(mediaDir, 'result.avi', ...picture(1), ...sound(1))
    expect((await failureOf(checkResult(avi, 1))).code).toBe('result_not_media')
  })
})

describe('partPath', () => {
  it('lies in the output folder and belongs to one job', () => {
    expect(partPath({ id: 'job-1', outputDir: '/out' })).toBe(join('/out', '.lipsync-job-1.part'))
  })
})

describe('resultBaseName', () => {
  it.each([
    ['presenter.mp4', 'voice.wav', 'presenter-voice'],
    ['主播.MP4', '声音🎤.wav', '主播-声音🎤'],
    ['a<b>c:d"e|f?g*h.mp4', 'x\\y.wav', 'a_b_c_d_e_f_g_h-x_y'],
    ['two\nlines\u0000.mp4', 'tab\t.wav', 'two_lines_-tab_'],
    ['.hidden.mp4', '...wav', 'hidden'],
    ['trailing. .mp4', ' spaced .wav', 'trailing-spaced'],
    ['archive.tar.mp4', 'no-extension', 'archive.tar-no-extension'],
    ['....mp4', '...', 'result-'],
  ])('makes of %j and %j the name %j', (video, audio, name) => {
    expect(resultBaseName({ video: sampleInput(video), audio: sampleInput(audio) })).toBe(name)
  })

  it.each(['con', 'PRN', 'aux', 'nul', 'com1', 'LPT9', 'con.take2', 'Aux.x.y'])('does not begin with the device name %s, which Windows would open', (name) => {
    const made = resultBaseName({ video: sampleInput(`${name}.mp4`), audio: sampleInput('...') })
    expect(made).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i)
    expect(made).toContain(name)
    expect(resultBaseName({ video: sampleInput(`${name}.mp4`), audio: sampleInput('voice.wav') })).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i)
  })

  it('leaves room for a number and cuts between whole characters', () => {
    const name = resultBaseName({ video: sampleInput(`${'👩‍🚀'.repeat(50)}.mp4`), audio: sampleInput(`${'声'.repeat(200)}.wav`) })
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200)
    expect(name).toMatch(/^(👩‍🚀)+-声+$/u)
  })
})
