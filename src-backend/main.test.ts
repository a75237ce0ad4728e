import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { askServer } from './test-http'
import { makePresenter, makeVoice, md5OfFile, probe } from './test-media'
import { bundleBackend, startProgram, type Ready, type StartedProgram } from './test-program'

describe('the program', () => {
  let bundle: Awaited<ReturnType<typeof bundleBackend>>
  let media: string
  let presenter: string
  let voice: string
  let dataDir: string
  let started: StartedProgram[]

  beforeAll(async () => {
    bundle = await bundleBackend('main')
    media = await mkdtemp(join(tmpdir(), 'program-media-'))
    presenter = makePresenter(media)
    voice = makeVoice(media)
  })
  afterAll(async () => {
    await bundle.remove()
    await rm(media, { recursive: true })
  })
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'program-'))
    started = []
  })
  afterEach(async () => {
    for (const { child, ended } of started) {
      child.kill('SIGKILL')
      await ended
    }
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  })

  const start = (args: string[], environment: Record<string, string> = {}): StartedProgram => {
    const program = startProgram(bundle.program, args, { DATA_DIR: dataDir, LICENSE_KEYS: 'THE-KEY', GPU_SECRET: 'THE-SECRET', ...environment })
    started.push(program)
    return program
  }
  const gpuHeaders = { Authorization: 'Bearer THE-SECRET' }
  const apiHeaders = { Authorization: 'Bearer THE-KEY', 'X-Machine-Code': 'MC' }
  const upload = async ({ gpuUrl }: Ready, path: string): Promise<void> => {
    const form = new FormData()
    form.append('hash', md5OfFile(path))
    form.append('file', new Blob([new Uint8Array(readFileSync(path))]), path)
    const reply = await askServer('POST', `${gpuUrl}/api/heygem/upload_file`, form, gpuHeaders)
    expect(reply.json).toMatchObject({ code: 0 })
  }
  const submit = async ({ apiUrl }: Ready, audio: string): Promise<string> => {
    const body = { audio_hash: md5OfFile(audio), video_hash: md5OfFile(presenter), client_task_id: 'job' }
    const reply = await askServer('POST', `${apiUrl}/api/heygem/task/submit`, body, apiHeaders)
    expect(reply.json).toMatchObject({ code: 0 })
    return (reply.json as { data: { task_id: string } }).data.task_id
  }
  const until = async ({ apiUrl }: Ready, id: string, wanted: (status: Record<string, unknown>) => boolean) => {
    for (;;) {
      const { json } = await askServer('GET', `${apiUrl}/api/heygem/task/status?task_id=${id}`, undefined, apiHeaders)
      const { data } = json as { data: Record<string, unknown> }
      if (wanted(data)) return data
      // The render needs the processor as well.
      await wait(20)
    }
  }
  const isDone = (status: Record<string, unknown>): boolean => status.status === 'done'
  const download = async ({ gpuUrl }: Ready, id: string): Promise<string> => {
    const response = await fetch(`${gpuUrl}/api/heygem/download?task_id=${id}`, { headers: gpuHeaders })
    const path = join(dataDir, 'downloaded.mp4')
    await writeFile(path, Buffer.from(await response.arrayBuffer()))
    return path
  }

  it('says one line when it listens, renders, and says no secret anywhere', async () => {
    const program = start(['all'])
    const ready = await program.ready
    expect(ready).toEqual({ event: 'ready', roles: ['api', 'gpu'], apiUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), gpuUrl: expect.any(String) })
    await upload(ready, presenter)
    await upload(ready, voice)
    const id = await submit(ready, voice)
    expect(await until(ready, id, isDone)).toMatchObject({ progress: 100, engine: 'mux', current_frame: 25, total_frames: 25 })
    expect(Number(probe(await download(ready, id)).format.duration)).toBeCloseTo(2.5, 1)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(program.stdout).toHaveLength(1)
    for (const line of program.stderr().trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) })
    const kept = await Promise.all(['api', 'gpu'].map((role) => readFile(join(dataDir, role, 'tasks.jsonl'), 'utf8')))
    for (const text of [program.stderr(), program.stdout.join(), ...kept]) expect(text).not.toMatch(/THE-KEY|THE-SECRET/)
  })

  it('ends in order while ffmpeg runs, and renders that task after the next start', async () => {
    const long = makeVoice(media, 900)
    const program = start(['all'])
    const ready = await program.ready
    await upload(ready, presenter)
    await upload(ready, long)
    const id = await submit(ready, long)
    await until(ready, id, (status) => Number(status.current_frame) > 0)
    const part = (await readdir(join(dataDir, 'gpu', 'results')))[0]!
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(await readdir(join(dataDir, 'gpu', 'results'))).toEqual([])
    expect(await commandLines()).not.toContain(part)
    const again = start(['all'])
    expect(await until(await again.ready, id, (status) => Number(status.current_frame) > 0)).toMatchObject({ task_id: id })
  })

  it('loses nothing when it is killed in the middle of a render', async () => {
    const long = makeVoice(media, 120)
    const program = start(['all'])
    const before = await program.ready
    await upload(before, presenter)
    await upload(before, long)
    const id = await submit(before, long)
    await until(before, id, (status) => Number(status.current_frame) > 0)
    const part = (await readdir(join(dataDir, 'gpu', 'results')))[0]!
    program.child.kill('SIGKILL')
    await program.ended
    while ((await commandLines()).includes(part)) await new Promise(setImmediate)
    const after = await start(['all']).ready
    expect(await submit(after, long)).toBe(id)
    await until(after, id, isDone)
    expect(Number(probe(await download(after, id)).format.duration)).toBeCloseTo(120, 0)
    expect(await readdir(join(dataDir, 'gpu', 'results'))).toHaveLength(1)
  }, 60_000)

  it('does the same as two programs', async () => {
    const secret = { WORKER_SECRET: 'between the two' }
    const api = await start(['api'], secret).ready
    const gpu = await start(['gpu'], { ...secret, HUB_URL: `${api.apiUrl.replace('http', 'ws')}/dsp` }).ready
    const both = { ...gpu, apiUrl: api.apiUrl }
    await upload(both, presenter)
    await upload(both, voice)
    const id = await submit(both, voice)
    await until(both, id, isDone)
  })

  it('ends with its parent', async () => {
    const program = start(['all', '--exit-with-parent'])
    await program.ready
    program.child.stdin!.end()
    expect(await program.ended).toBe(0)
  })

  it('says what is wrong with its configuration, a line each, and ends with 2', async () => {
    const program = start(['all'], { API_PORT: 'x', ENGINE: 'mix' })
    expect(await program.ended).toBe(2)
    expect(program.stderr()).toBe('API_PORT: not a number\nENGINE: must be mux or duix\n')
    expect(program.stdout).toEqual([])
    const file = start(['all'], { LICENSE_FILE: join(dataDir, 'nowhere') })
    expect(await file.ended).toBe(2)
    expect(file.stderr()).toMatch(/^LICENSE_FILE: .*\n$/)
  })

  it('leaves a folder alone that another one works on, and takes it when that one was killed', async () => {
    const first = start(['gpu'])
    await first.ready
    const second = start(['gpu'])
    expect(await second.ended).toBe(3)
    expect(second.stderr()).toContain('another backend is running on')
    first.child.kill('SIGKILL')
    await first.ended
    await start(['gpu']).ready
  })

  it('ends with 1 when its port is taken', async () => {
    const { gpuUrl } = await start(['gpu']).ready
    const program = start(['gpu'], { DATA_DIR: join(dataDir, 'other'), GPU_PORT: new URL(gpuUrl).port })
    expect(await program.ended).toBe(1)
    expect(program.stderr()).toContain('EADDRINUSE')
  })

  it('says in health that ffmpeg is missing, and lets tasks wait', async () => {
    const ready = await start(['all'], { FFMPEG_PATH: join(dataDir, 'no-ffmpeg') }).ready
    const health = async () => (await askServer('GET', `${ready.gpuUrl}/api/heygem/health`, undefined, {})).json as Record<string, unknown>
    while (String((await health()).engine_error).includes('starting')) await wait(20)
    expect(await health()).toMatchObject({ code: 0, initialized: false, engine: 'mux', engine_error: expect.stringContaining('ffmpeg missing') })
    await upload(ready, presenter)
    await upload(ready, voice)
    const id = await submit(ready, voice)
    expect(await until(ready, id, () => true)).toMatchObject({ status: 'queued', message: 'waiting for a GPU worker' })
  })
})

/** Of every process; Linux only, and empty elsewhere: there the system ends children with their parent. */
async function commandLines(): Promise<string> {
  if (process.platform !== 'linux') return ''
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return (await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))).join('\n')
}
