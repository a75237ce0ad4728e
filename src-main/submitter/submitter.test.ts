import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { InputFile, Job, JobState } from '../../src-shared/job'
import { openJobStore, type JobStore } from './job-store'
import { readInput } from './media-probe'
import { createSlots } from './slots'
import { createSubmitter, type Submitter, type SubmitterDeps } from './submitter'
import { startDeployedServers, type Deployed } from './testing/deployed-servers'
import { makePresenter, makeResult, makeVoice, md5Of, md5OfFile, h264, makeMedia, picture } from './testing/media-files'
import { noWaiting, sampleInput, sampleJob, sampleServers } from './testing/sample-jobs'
import { until } from './testing/failure-of'
import { useTempDirs } from './testing/temp-dir'
import type { Servers } from './servers'

const hashWorkerUrl = new URL('../../out/main/hash-worker.js', import.meta.url)

let mediaDir: string
let result: Buffer
let silentResult: Buffer
beforeAll(() => {
  mediaDir = mkdtempSync(join(tmpdir(), 'lipsync-test-media-'))
  makePresenter(mediaDir)
  makeVoice(mediaDir, 2)
  result = readFileSync(makeResult(mediaDir, 'result.mp4', 2))
  silentResult = readFileSync(makeMedia(mediaDir, 'silent.mp4', ...picture(2), ...h264))
})
afterAll(() => rmSync(mediaDir, { recursive: true, force: true }))

describe('the submitter with the deployed servers', { timeout: 60_000 }, () => {
  const tempDir = useTempDirs()
  let dir: string
  let servers: Deployed
  let choice: Partial<Servers>
  const opened: { readonly submitter: Submitter; readonly store: JobStore }[] = []

  beforeEach(async () => {
    dir = tempDir()
    servers = await startDeployedServers(result)
    choice = {}
    copyFileSync(join(mediaDir, 'presenter.mp4'), join(dir, 'presenter.mp4'))
    copyFileSync(join(mediaDir, 'voice.wav'), join(dir, 'voice.wav'))
  })
  afterEach(async () => {
    for (const { submitter, store } of opened.splice(0)) {
      await submitter.stop()
      store.close()
    }
    await servers.close()
  })

  const faults: unknown[] = []
  const open = (more: Partial<SubmitterDeps> = {}, pid?: number): Submitter => {
    const store = openJobStore(join(dir, 'ledger.db'), pid)
    const submitter = createSubmitter({
      store,
      servers: async () => sampleServers({ apiUrl: servers.apiUrl, gpuUrl: servers.gpuUrl, ...choice }),
      hashWorkerUrl,
      transferSlots: createSlots(1),
      // Nobody is there to power a machine on, and that is said at once.
      watchPower: () => ({ latest: () => null, onNews: () => () => undefined, close: () => undefined }),
      waitForGpu: false,
      wakeTimes: { lookMs: 1, nobodyMs: 0 },
      followTimes: { pollMs: () => 1, silenceMs: 100, unknownMs: 100, unknownLateMs: 100 },
      backoff: { step: noWaiting(3), engine: noWaiting(3) },
      logFault: (_id, thrown) => faults.push(thrown),
      ...more,
    })
    opened.push({ submitter, store })
    return submitter
  }
  afterEach(() => expect(faults.splice(0)).toEqual([]))

  const inputs = async () => ({ video: await readInput(join(dir, 'presenter.mp4'), 'video'), audio: await readInput(join(dir, 'voice.wav'), 'audio'), outputDir: dir })
  /** Large enough for its hashing and uploading to be seen; takes no room. */
  const largeInputs = (): { video: InputFile; audio: InputFile; outputDir: string } => {
    const large = (name: string): InputFile => {
      const path = join(dir, name)
      writeFileSync(path, '')
      truncateSync(path, 512 * 1024 * 1024)
      return sampleInput(name, { path, sizeBytes: statSync(path).size, mtimeMs: statSync(path).mtimeMs })
    }
    return { video: large('large.mp4'), audio: large('large.wav'), outputDir: dir }
  }
  /** The job once its state is one of these. */
  const when = (submitter: Submitter, id: string, ...kinds: readonly JobState['kind'][]): Promise<Job> =>
    new Promise((resolve) => {
      const look = (job: Job | null): void => {
        if (job?.id !== id || !kinds.includes(job.state.kind)) return
        stop()
        resolve(job)
      }
      const stop = submitter.onChange(({ job }) => look(job))
      look(submitter.get(id))
    })
  const ended = (submitter: Submitter, id: string): Promise<Job> => when(submitter, id, 'done', 'failed', 'cancelled')
  const run = async (submitter: Submitter): Promise<Job> => ended(submitter, submitter.add(await inputs()).id)
  const stored = (id: string): Job | null => {
    const store = openJobStore(join(dir, 'ledger.db'))
    try {
      return store.get(id)
    } finally {
      store.close()
    }
  }
  /** A job as a program leaves it that is killed while it runs it. */
  const leaveJob = async (state: JobState): Promise<void> => {
    const killed = spawn(process.execPath, ['-e', ''])
    await once(killed, 'close')
    const store = openJobStore(join(dir, 'ledger.db'), killed.pid)
    store.save(sampleJob({ ...(await inputs()), state }))
    store.claim('job-1')
    store.close()
  }
  const shares = (jobs: readonly Job[], kind: string): number[] => jobs.flatMap(({ state }) => (state.kind === kind && 'progress' in state ? [state.progress.done / state.progress.total] : []))

  describe('brings a job to its result', () => {
    it('step by step, asking for the license before anything big is sent', async () => {
      const submitter = open()
      const seen: Job[] = []
      submitter.onChange(({ job }) => seen.push(job))
      const job = await run(submitter)

      expect(job.state).toMatchObject({ kind: 'done', result: { path: join(dir, 'presenter-voice.mp4'), sizeBytes: result.length, engine: null } })
      expect(readFileSync(join(dir, 'presenter-voice.mp4')).equals(result)).toBe(true)
      expect(servers.asked.filter((what, at) => what !== servers.asked[at - 1])).toEqual([
        'gpu GET health',
        'api GET task/status',
        'gpu POST check_files',
        'gpu POST upload_file',
        'api POST task/submit',
        'gpu GET progress',
        'gpu GET download',
      ])
      const sizes = statSync(join(dir, 'presenter.mp4')).size + statSync(join(dir, 'voice.wav')).size
      expect([servers.mediaBytes(), job.sentBytes]).toEqual([sizes, sizes])
      expect(servers.submits).toEqual([
        {
          ...{ audio_hash: md5OfFile(join(dir, 'voice.wav')), audio_ext: '.wav' },
          ...{ video_hash: md5OfFile(join(dir, 'presenter.mp4')), video_ext: '.mp4' },
          ...{ license_key: 'LICENSE-1234', client_task_id: job.id },
        },
      ])
      const kinds = seen.map(({ state }) => state.kind)
      expect(kinds.filter((kind, at) => kind !== kinds[at - 1])).toEqual(['queued', 'hashing', 'uploading', 'submitting', 'waiting', 'rendering', 'downloading', 'done'])
      expect(readdirSync(dir).filter((name) => name.endsWith('.part'))).toEqual([])
    })

    it('never moving a bar back, though the server does', async () => {
      const submitter = open()
      const seen: Job[] = []
      submitter.onChange(({ job }) => seen.push(job))
      await run(submitter)
      const rendering = shares(seen, 'rendering')
      expect(rendering.length).toBeGreaterThan(3)
      expect(rendering).toEqual([...rendering].sort((a, b) => a - b))
      expect(rendering.at(-1)).toBe(1)
    })

    it('sending nothing when the server has both files, and finding a result it had under another id', async () => {
      const submitter = open()
      const first = await run(submitter)
      const bytes = servers.mediaBytes()
      const again = await run(submitter)
      expect(again.state).toMatchObject({ kind: 'done', result: { name: 'presenter-voice (2).mp4' } })
      expect([servers.mediaBytes(), again.sentBytes]).toEqual([bytes, 0])
      expect(first.taskId).toMatch(/^heygem_/)
      expect(again.taskId).toBe(md5Of(`${first.audio.md5}_${first.video.md5}`).slice(0, 16))
    })

    it('keeping every fact in the ledger before the next step', async () => {
      const submitter = open()
      const progress = servers.hold('gpu GET progress')
      const { id } = submitter.add(await inputs())
      expect(stored(id)).toMatchObject({ state: { kind: 'queued' }, taskId: null })
      await progress.arrived
      expect(stored(id)).toMatchObject({ state: { kind: 'waiting' }, taskId: expect.stringMatching(/^heygem_/), video: { md5: md5OfFile(join(dir, 'presenter.mp4')) } })
      progress.release()
      const job = await ended(submitter, id)
      expect(stored(id)).toEqual(job)
    })

    it('in turn: one at a time uses the disk and the line', async () => {
      const submitter = open()
      const upload = servers.hold('gpu POST upload_file')
      const first = submitter.add(await inputs())
      const second = submitter.add(await inputs())
      await upload.arrived
      expect(submitter.get(second.id)?.state.kind).toBe('queued')
      upload.release()
      expect((await ended(submitter, first.id)).state.kind).toBe('done')
      expect((await ended(submitter, second.id)).state.kind).toBe('done')
      expect(servers.asked.filter((what) => what === 'gpu POST upload_file')).toHaveLength(2)
    })
  })

  describe('meets the quirks', () => {
    it('of a restarted GPU server that forgot the task: submits anew under another id', async () => {
      const submitter = open()
      servers.now.steps = [{ status: 'processing', progress: 10 }]
      const { id } = submitter.add(await inputs())
      await when(submitter, id, 'rendering')
      servers.now.steps = [{ status: 'done' }]
      servers.restartGpu()
      const job = await ended(submitter, id)
      expect(job.state.kind).toBe('done')
      expect(servers.submits.map((body) => body['client_task_id'])).toEqual([id, `${id}.2`])
      expect(servers.asked).toContain('api GET task/status')
      expect(servers.asked.filter((what) => what === 'gpu POST upload_file')).toHaveLength(2)
    })

    it('of a worker that lost its files before it ran: sends them again and submits anew', async () => {
      const submitter = open()
      const submit = servers.hold('api POST task/submit')
      const { id } = submitter.add(await inputs())
      await submit.arrived
      servers.dropFiles()
      submit.release()
      const job = await ended(submitter, id)
      expect(job.state.kind).toBe('done')
      expect(servers.submits.map((body) => body['client_task_id'])).toEqual([id, `${id}.2`])
      expect(servers.asked.filter((what) => what === 'gpu POST upload_file')).toHaveLength(4)
      expect(job.sentBytes).toBe(servers.mediaBytes())
    })

    it('of a task that failed for want of its files: sends them again and submits anew', async () => {
      const submitter = open()
      servers.now.steps = [{ status: 'error', error: '音频文件不存在' }]
      const progress = servers.hold('gpu GET progress')
      const { id } = submitter.add(await inputs())
      await progress.arrived
      servers.dropFiles()
      servers.now.steps = [{ status: 'done' }]
      progress.release()
      expect((await ended(submitter, id)).state.kind).toBe('done')
      expect(servers.submits.map((body) => body['client_task_id'])).toEqual([id, `${id}.2`])
    })

    it('of a server that always loses the task: gives up after three', async () => {
      const submitter = open()
      servers.now.steps = []
      const submit = servers.hold('api POST task/submit')
      const { id } = submitter.add(await inputs())
      await submit.arrived
      servers.now.workerOnline = true
      const forgetting = setInterval(() => servers.restartGpu(), 0)
      submit.release()
      const job = await ended(submitter, id)
      clearInterval(forgetting)
      expect(job.state).toMatchObject({ kind: 'failed', error: { code: 'task_lost' } })
      expect(servers.submits).toHaveLength(3)
    })

    it('of a failed task: tells its words, and a retry asks for another task without sending again', async () => {
      const submitter = open()
      servers.now.steps = [{ status: 'processing', progress: 5 }, { status: 'error', error: '检测不到人脸' }]
      const failed = await run(submitter)
      expect(failed.state).toEqual({ kind: 'failed', during: 'rendering', error: { code: 'task_failed', detail: { said: '检测不到人脸' } } })
      expect(failed.taskId).toBeNull()
      servers.now.steps = [{ status: 'done' }]
      const bytes = servers.mediaBytes()
      submitter.retry(failed.id)
      const job = await ended(submitter, failed.id)
      expect(job).toMatchObject({ state: { kind: 'done' }, attempt: 2 })
      expect(servers.mediaBytes()).toBe(bytes)
      expect(servers.submits.map((body) => body['client_task_id'])).toEqual([failed.id, `${failed.id}.2`])
    })

    it('of a hash in the upload reply that is not ours: sends the file again', async () => {
      const submitter = open()
      let first = true
      servers.now.storedHash = (actual) => {
        const wrong = first
        first = false
        return wrong ? 'f'.repeat(32) : actual
      }
      const job = await run(submitter)
      expect(job.state.kind).toBe('done')
      expect(servers.asked.filter((what) => what === 'gpu POST upload_file')).toHaveLength(3)
    })

    it('of a server that stores every upload wrongly', async () => {
      const submitter = open()
      servers.now.storedHash = () => 'f'.repeat(32)
      const job = await run(submitter)
      expect(job.state).toMatchObject({ kind: 'failed', during: 'uploading', error: { code: 'upload_corrupted', detail: { file: 'voice.wav' } } })
      expect(servers.submits).toEqual([])
    })

    it('of names in capitals: .MP4 is .mp4 to the server', async () => {
      const submitter = open()
      copyFileSync(join(dir, 'presenter.mp4'), join(dir, 'PRESENTER.MP4'))
      const video = await readInput(join(dir, 'PRESENTER.MP4'), 'video')
      const { id } = submitter.add({ ...(await inputs()), video })
      expect((await ended(submitter, id)).state.kind).toBe('done')
      expect(servers.submits[0]).toMatchObject({ video_ext: '.mp4' })
    })

    it('of one file for both: sends it once', async () => {
      const submitter = open()
      copyFileSync(join(mediaDir, 'result.mp4'), join(dir, 'both.mp4'))
      const [video, audio] = [await readInput(join(dir, 'both.mp4'), 'video'), await readInput(join(dir, 'both.mp4'), 'audio')]
      const { id } = submitter.add({ video, audio, outputDir: dir })
      const job = await ended(submitter, id)
      expect(job.state.kind).toBe('done')
      expect(servers.mediaBytes()).toBe(statSync(join(dir, 'both.mp4')).size)
    })

    it('of an engine that still loads: waits for it', async () => {
      const submitter = open()
      let asked = 0
      servers.now.health = () => ({ status: 200, body: { code: 0, msg: 'ok', initialized: ++asked > 4 } })
      expect((await run(submitter)).state.kind).toBe('done')
    })

    it.each([
      ['an engine that never loads', { code: 0, msg: 'ok', initialized: false }, 'engine_not_ready'],
      ['a missing ffmpeg', { code: 0, msg: 'ffmpeg missing: ffmpeg does not run', initialized: false }, 'ffmpeg_missing'],
      ['a page instead of JSON', '<html></html>', 'server_not_json'],
      ['JSON of another kind', { ok: true }, 'server_bad_reply'],
    ])('of %s: fails before anything is sent', async (_what, body, code) => {
      const submitter = open()
      servers.now.health = () => ({ status: 200, body })
      const job = await run(submitter)
      expect(job.state).toMatchObject({ kind: 'failed', error: { code, detail: code === 'ffmpeg_missing' ? {} : { server: 'gpu' } } })
      expect(servers.mediaBytes()).toBe(0)
    })
  })

  describe('keeps a job that cannot go on, and tries again when told', () => {
    it.each([
      ['no license key', { licenseKey: '' }, 'license_missing'],
      ['an unknown license', { licenseKey: 'LICENSE-0000' }, 'license_unknown'],
      ['a wrong secret', { gpuSecret: 'wrong' }, 'secret_wrong'],
      ['nobody at the API address', { apiUrl: 'http://127.0.0.1:1' }, 'server_unreachable'],
    ])('(%s)', async (_what, wrong, code) => {
      const submitter = open()
      choice = wrong
      const job = await run(submitter)
      expect(job.state).toMatchObject({ kind: 'failed', error: { code } })
      expect([servers.mediaBytes(), servers.submits]).toEqual([0, []])
      expect(stored(job.id)).toEqual(job)
      choice = {}
      submitter.retry(job.id)
      expect((await ended(submitter, job.id)).state.kind).toBe('done')
    })

    it('(nobody at the GPU address, and nobody who could power a machine on)', async () => {
      const submitter = open()
      choice = { gpuUrl: 'http://127.0.0.1:1' }
      const job = await run(submitter)
      // The task is with the server, to be run whenever the machine is up; the files are still here.
      expect(job.state).toMatchObject({ kind: 'failed', during: 'waiting', error: { code: 'server_unreachable', detail: { server: 'gpu' } } })
      expect([servers.mediaBytes(), servers.submits.length, job.taskId === null]).toEqual([0, 1, false])
      choice = {}
      submitter.retry(job.id)
      expect((await ended(submitter, job.id)).state.kind).toBe('done')
    })

    it('(an expired license)', async () => {
      const submitter = open()
      servers.now.licenses.set('LICENSE-1234', 'expired')
      const job = await run(submitter)
      expect(job.state).toMatchObject({ kind: 'failed', error: { code: 'license_expired' } })
      expect(servers.mediaBytes()).toBe(0)
    })

    it('(an output folder that is gone)', async () => {
      const submitter = open()
      const { id } = submitter.add({ ...(await inputs()), outputDir: join(dir, 'gone') })
      const job = await ended(submitter, id)
      expect(job.state).toMatchObject({ kind: 'failed', error: { code: 'output_missing', detail: { folder: 'gone' } } })
      expect(servers.asked).toEqual([])
      submitter.changeFolder(id, dir)
      submitter.retry(id)
      expect((await ended(submitter, id)).state).toMatchObject({ kind: 'done', result: { path: join(dir, 'presenter-voice.mp4') } })
    })

    it('(a file that went away)', async () => {
      const submitter = open()
      const picked = await inputs()
      unlinkSync(join(dir, 'voice.wav'))
      const { id } = submitter.add(picked)
      expect((await ended(submitter, id)).state).toMatchObject({ kind: 'failed', error: { code: 'file_missing', detail: { file: 'voice.wav' } } })
      copyFileSync(join(mediaDir, 'voice.wav'), join(dir, 'voice.wav'))
      submitter.retry(id)
      expect((await ended(submitter, id)).state.kind).toBe('done')
    })

    it('(a file that changed between hashing and uploading): the retry reads and hashes it anew', async () => {
      const submitter = open()
      const check = servers.hold('gpu POST check_files')
      const { id } = submitter.add(await inputs())
      await check.arrived
      appendFileSync(join(dir, 'voice.wav'), Buffer.alloc(1000))
      check.release()
      expect((await ended(submitter, id)).state).toMatchObject({ kind: 'failed', error: { code: 'file_changed', detail: { file: 'voice.wav' } } })
      expect(servers.mediaBytes()).toBe(0)
      submitter.retry(id)
      const job = await ended(submitter, id)
      expect(job).toMatchObject({ state: { kind: 'done' }, audio: { md5: md5OfFile(join(dir, 'voice.wav')) } })
      expect(servers.submits[0]).toMatchObject({ audio_hash: md5OfFile(join(dir, 'voice.wav')) })
    })

    it('(a file that changed while it was uploaded)', async () => {
      const submitter = open()
      const upload = servers.hold('gpu POST upload_file')
      const { id } = submitter.add(await inputs())
      await upload.arrived
      utimesSync(join(dir, 'voice.wav'), new Date(), new Date(1_600_000_000_000))
      upload.release()
      expect((await ended(submitter, id)).state).toMatchObject({ kind: 'failed', error: { code: 'file_changed', detail: { file: 'voice.wav' } } })
      expect(servers.submits).toEqual([])
    })

    it('(a result without sound): the retry asks for another task', async () => {
      const submitter = open()
      servers.now.result = silentResult
      const failed = await run(submitter)
      expect(failed.state).toMatchObject({ kind: 'failed', during: 'downloading', error: { code: 'result_no_audio' } })
      servers.now.result = result
      submitter.retry(failed.id)
      expect((await ended(submitter, failed.id)).state.kind).toBe('done')
      expect(servers.submits.map((body) => body['client_task_id'])).toEqual([failed.id, `${failed.id}.2`])
    })

    it('(the folder went away before the download): the retry fetches the same task', async () => {
      const submitter = open()
      const picked = { ...(await inputs()), outputDir: tempDir() }
      const download = servers.hold('gpu GET download')
      const { id } = submitter.add(picked)
      await download.arrived
      rmSync(picked.outputDir, { recursive: true })
      download.release()
      const failed = await ended(submitter, id)
      expect(failed.state).toMatchObject({ kind: 'failed', during: 'downloading', error: { code: 'output_missing' } })
      submitter.changeFolder(id, dir)
      submitter.retry(id)
      expect((await ended(submitter, id)).state.kind).toBe('done')
      expect(servers.submits).toHaveLength(1)
    })

    it('(both servers fell silent while it rendered): the retry follows the same task', async () => {
      const submitter = open()
      servers.now.steps = [{ status: 'processing', progress: 10 }]
      const { id } = submitter.add(await inputs())
      await when(submitter, id, 'rendering')
      choice = { gpuUrl: 'http://127.0.0.1:1', apiUrl: 'http://127.0.0.1:1' }
      const failed = await ended(submitter, id)
      expect(failed.state).toMatchObject({ kind: 'failed', during: 'rendering', error: { code: 'server_unreachable' } })
      expect(failed.taskId).not.toBeNull()
      choice = {}
      servers.restartGpu()
      servers.now.steps = [{ status: 'done' }]
      submitter.retry(id)
      expect((await ended(submitter, id)).state.kind).toBe('done')
    })

    it('but not one that is done or still runs', async () => {
      const submitter = open()
      const progress = servers.hold('gpu GET progress')
      const { id } = submitter.add(await inputs())
      await progress.arrived
      expect(() => submitter.retry(id)).toThrow(expect.objectContaining({ code: 'not_now' }))
      progress.release()
      await ended(submitter, id)
      expect(() => submitter.retry(id)).toThrow(expect.objectContaining({ code: 'not_now' }))
      expect(() => submitter.retry('nobody')).toThrow(expect.objectContaining({ code: 'job_unknown' }))
    })
  })

  describe('cancels', () => {
    it('a job that a killed program left, and clears up after it', async () => {
      await leaveJob({ kind: 'submitting' })
      writeFileSync(join(dir, '.lipsync-job-1.part'), 'half a result')
      const submitter = open()
      submitter.cancel('job-1')
      expect((await ended(submitter, 'job-1')).state.kind).toBe('cancelled')
      expect(readdirSync(dir)).not.toContain('.lipsync-job-1.part')
      expect(servers.asked).toEqual([])
    })

    it('while the files are hashed', async () => {
      const submitter = open()
      const { id } = submitter.add(largeInputs())
      await when(submitter, id, 'hashing')
      submitter.cancel(id)
      expect(submitter.get(id)?.state.kind).toBe('cancelling')
      expect((await ended(submitter, id)).state.kind).toBe('cancelled')
      expect(servers.asked).toEqual([])
    })

    it.each([
      ['before the health', 'gpu GET health'],
      ['before the license', 'api GET task/status'],
      ['before the check of files', 'gpu POST check_files'],
      ['while a file is sent', 'gpu POST upload_file'],
      ['while it is submitted', 'api POST task/submit'],
      ['while it is followed', 'gpu GET progress'],
      ['while it is fetched', 'gpu GET download'],
    ])('%s', async (_when, what) => {
      const submitter = open()
      const held = servers.hold(what)
      const { id } = submitter.add(await inputs())
      await held.arrived
      const asked = servers.asked.length
      submitter.cancel(id)
      const job = await ended(submitter, id)
      await submitter.settled(id)
      expect(job.state.kind).toBe('cancelled')
      expect(stored(id)?.state.kind).toBe('cancelled')
      expect(servers.asked).toHaveLength(asked)
      expect(readdirSync(dir).filter((name) => /part|presenter-voice/.test(name))).toEqual([])
      held.release()
    })

    it('one that waits for its turn, and the next one takes it', async () => {
      const submitter = open()
      const upload = servers.hold('gpu POST upload_file')
      const jobs = [submitter.add(await inputs()), submitter.add(await inputs()), submitter.add(await inputs())]
      await upload.arrived
      submitter.cancel(jobs[1]!.id)
      expect((await ended(submitter, jobs[1]!.id)).state.kind).toBe('cancelled')
      submitter.cancel(jobs[0]!.id)
      upload.release()
      expect((await ended(submitter, jobs[0]!.id)).state.kind).toBe('cancelled')
      expect((await ended(submitter, jobs[2]!.id)).state.kind).toBe('done')
    })

    it('and takes it up again where it was', async () => {
      const submitter = open()
      const download = servers.hold('gpu GET download')
      const { id } = submitter.add(await inputs())
      await download.arrived
      submitter.cancel(id)
      await ended(submitter, id)
      download.release()
      submitter.retry(id)
      expect((await ended(submitter, id)).state.kind).toBe('done')
      expect(servers.submits).toHaveLength(1)
    })

    it('nothing that has ended', async () => {
      const submitter = open()
      const job = await run(submitter)
      submitter.cancel(job.id)
      expect(submitter.get(job.id)).toBe(job)
    })
  })

  describe('tries again', () => {
    it('a job that a killed program left in its middle, from where it was', async () => {
      await leaveJob({ kind: 'waiting', position: 2 })
      const submitter = open()
      submitter.retry('job-1')
      expect(await ended(submitter, 'job-1')).toMatchObject({ state: { kind: 'done' }, attempt: 1 })
    })

    it('a job that has ended this very moment', async () => {
      const submitter = open()
      choice = { licenseKey: '' }
      const { id } = submitter.add(await inputs())
      const stop = submitter.onChange(({ job }) => {
        if (job.state.kind !== 'failed') return
        choice = {}
        stop()
        submitter.retry(id)
      })
      expect(await when(submitter, id, 'done')).toMatchObject({ attempt: 2 })
    })
  })

  describe('removes', () => {
    it('a job that has ended, and never its result', async () => {
      const submitter = open()
      const job = await run(submitter)
      const removed: string[] = []
      submitter.onRemoved((id) => removed.push(id))
      submitter.remove(job.id)
      expect([submitter.get(job.id), stored(job.id), removed]).toEqual([null, null, [job.id]])
      expect(existsSync(join(dir, 'presenter-voice.mp4'))).toBe(true)
    })

    it('a job that has ended this very moment', async () => {
      const submitter = open()
      choice = { licenseKey: '' }
      const { id } = submitter.add(await inputs())
      submitter.onChange(({ job }) => void (job.state.kind === 'failed' && submitter.remove(id)))
      await until(() => submitter.get(id) === null)
      await submitter.settled(id)
      expect(stored(id)).toBeNull()
    })

    it('no job that still runs', async () => {
      const submitter = open()
      const progress = servers.hold('gpu GET progress')
      const { id } = submitter.add(await inputs())
      await progress.arrived
      expect(() => submitter.remove(id)).toThrow(expect.objectContaining({ code: 'not_now' }))
      progress.release()
      await ended(submitter, id)
    })
  })

  describe('changes the folder', () => {
    it('of a job that runs: the result goes there', async () => {
      const submitter = open()
      const other = tempDir()
      const progress = servers.hold('gpu GET progress')
      const { id } = submitter.add(await inputs())
      await progress.arrived
      submitter.changeFolder(id, other)
      progress.release()
      expect((await ended(submitter, id)).state).toMatchObject({ kind: 'done', result: { path: join(other, 'presenter-voice.mp4') } })
    })

    it('of no job that is done', async () => {
      const submitter = open()
      const job = await run(submitter)
      expect(() => submitter.changeFolder(job.id, tempDir())).toThrow(expect.objectContaining({ code: 'not_now' }))
    })
  })

  describe('goes on after a stop', () => {
    it.each(['gpu POST check_files', 'gpu POST upload_file', 'api POST task/submit', 'gpu GET progress', 'gpu GET download'])('at %s', async (what) => {
      const first = open()
      const held = servers.hold(what)
      const { id } = first.add(await inputs())
      await held.arrived
      await first.stop()
      held.release()
      expect(['queued', 'done', 'failed', 'cancelled']).not.toContain(stored(id)?.state.kind)
      const second = open()
      second.resume()
      const job = await ended(second, id)
      expect(job.state.kind).toBe('done')
      expect(job.attempt).toBe(1)
      expect(new Set(servers.submits.map((body) => body['client_task_id']))).toEqual(new Set([id]))
    })

    it('and ends the cancelling that it was in', async () => {
      const first = open()
      const { id } = first.add(largeInputs())
      await when(first, id, 'hashing')
      first.cancel(id)
      await first.stop()
      expect(stored(id)?.state.kind).toBe('cancelling')
      const second = open()
      second.resume()
      expect((await ended(second, id)).state.kind).toBe('cancelled')
    })
  })

  describe('shares its ledger with another program', () => {
    // Another living process: the one that started this one.
    const otherPid = process.ppid

    it('which sees its jobs run, and does not run them as well', async () => {
      const [mine, other] = [open(), open({}, otherPid)]
      const progress = servers.hold('gpu GET progress')
      const { id } = mine.add(await inputs())
      await progress.arrived
      await until(() => other.get(id)?.state.kind === 'waiting')
      other.resume()
      progress.release()
      await ended(mine, id)
      expect((await ended(other, id)).state.kind).toBe('done')
      expect(servers.submits).toHaveLength(1)
    })

    it('which can ask it to cancel', async () => {
      const [mine, other] = [open(), open({}, otherPid)]
      const progress = servers.hold('gpu GET progress')
      const { id } = mine.add(await inputs())
      await progress.arrived
      await until(() => other.get(id) !== null)
      other.cancel(id)
      expect((await ended(other, id)).state.kind).toBe('cancelled')
      expect(mine.get(id)?.state.kind).toBe('cancelled')
      progress.release()
    })

    it('which learns that a job was removed', async () => {
      const [mine, other] = [open(), open({}, otherPid)]
      const job = await run(mine)
      await until(() => other.get(job.id) !== null)
      mine.remove(job.id)
      await until(() => other.get(job.id) === null)
    })

    it('which does not write over what it knows', async () => {
      const [mine, other] = [open(), open({}, otherPid)]
      const submit = servers.hold('api POST task/submit')
      const { id } = mine.add(await inputs())
      await submit.arrived
      await until(() => other.get(id)?.state.kind === 'submitting')
      const progress = servers.hold('gpu GET progress')
      submit.release()
      await progress.arrived
      // The other one does not know the task's id yet.
      expect(() => other.changeFolder(id, dir)).toThrow(expect.objectContaining({ code: 'not_now' }))
      expect(stored(id)?.taskId).toMatch(/^heygem_/)
      progress.release()
      await ended(mine, id)
    })
  })
})
