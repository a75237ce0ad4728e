// The command line against the real backend, and against stand-ins where the real one does nothing wrong. All at once:
// most of the time is waiting.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDeployedServers, type Deployed } from './submitter/testing/deployed-servers'
import { until } from './submitter/testing/failure-of'
import { aac, h264, makeMedia, makePresenter, makeResult, makeVoice, picture, sound } from './submitter/testing/media-files'
import { makeReadOnly } from './submitter/testing/read-only-folder'
import { deadAddress, startScriptedServer } from './submitter/testing/scripted-server'
import { backendKeys, startBackend, type BackendProcess } from './testing/backend-process'
import { runCli, startCli, type CliEnd, type Line } from './testing/cli-process'

const root = mkdtempSync(join(tmpdir(), 'lipsync-test-cli-'))
const video = join(root, 'presenter.mp4')
const audio = join(root, 'voice.wav')
let backend: BackendProcess
let result: Buffer
beforeAll(async () => {
  makePresenter(root)
  makeVoice(root, 2)
  result = readFileSync(makeResult(root, 'result.mp4', 2))
  backend = await startBackend(root)
})
afterAll(async () => {
  await backend?.stop()
  rmSync(root, { recursive: true, force: true })
})

const newHome = (): string => mkdtempSync(join(root, 'home-'))
const withBackend = () => ({ API_SERVER_URL: backend.apiUrl, HEYGEM_SERVER_URL: backend.gpuUrl, LIPSYNC_LICENSE_KEY: backendKeys.license, LIPSYNC_GPU_SECRET: backendKeys.gpuSecret })
const withServers = (servers: Pick<Deployed, 'apiUrl' | 'gpuUrl'>) => ({ API_SERVER_URL: servers.apiUrl, HEYGEM_SERVER_URL: servers.gpuUrl, LIPSYNC_LICENSE_KEY: 'LICENSE-1234', LIPSYNC_GPU_SECRET: 'gpu-secret-5678' })
const submitArgs = (home: string, more: readonly string[] = []) => ['submit', '--video', video, '--audio', audio, '--out', join(home, 'out'), '--json', ...more]
const lastLine = (end: CliEnd): Line => end.lines.at(-1) ?? {}
const withDeployed = async (work: (servers: Deployed) => Promise<void>): Promise<void> => {
  const servers = await startDeployedServers(result)
  try {
    await work(servers)
  } finally {
    await servers.close()
  }
}
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

interface Probed {
  readonly streams: readonly { readonly codec_name: string }[]
  readonly format: { readonly duration: string }
}
const probe = (path: string): Probed => JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', path], { encoding: 'utf8' })) as Probed

describe.concurrent('lipsync-desk', { timeout: 60_000 }, () => {
  describe.concurrent('submit', () => {
    it('tells each step in a line of JSON and ends with the result; a second time it sends nothing', async () => {
      const home = newHome()
      const first = await runCli(submitArgs(home), home, withBackend())
      expect(first).toMatchObject({ code: 0, stderr: '' })
      expect(first.stdout.trimEnd().split('\n')).toHaveLength(first.lines.length)
      const ids = new Set(first.lines.map((line) => line['job']))
      expect(ids.size).toBe(1)
      const progress = { unit: expect.any(String), done: expect.any(Number), total: expect.any(Number), estimated: expect.any(Boolean) }
      const shapes: Record<string, unknown> = {
        queued: {},
        hashing: { progress: { ...progress, unit: 'bytes' } },
        uploading: { file: expect.stringMatching(/^(video|audio)$/), progress: { ...progress, unit: 'bytes' }, awaitingReply: expect.any(Boolean) },
        submitting: {},
        waiting: { task: expect.stringMatching(/^heygem_/) },
        rendering: { task: expect.stringMatching(/^heygem_/), progress },
        downloading: { task: expect.stringMatching(/^heygem_/), progress: { ...progress, unit: 'bytes' } },
        done: { result: join(home, 'out', 'presenter-voice.mp4'), engine: 'mux', sizeBytes: expect.any(Number), durationSec: expect.closeTo(2, 0), sentBytes: readFileSync(video).length + readFileSync(audio).length },
      }
      for (const line of first.lines) {
        expect(line).toMatchObject({ at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), job: [...ids][0], ...(shapes[String(line['state'])] as object) })
      }
      const states = first.lines.map((line) => line['state'])
      expect(states.filter((state, at) => state !== states[at - 1])).toEqual(expect.arrayContaining(['queued', 'hashing', 'uploading', 'submitting', 'waiting', 'done']))
      expect(states.at(-1)).toBe('done')
      const { streams, format } = probe(String(lastLine(first)['result']))
      expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264'])
      expect(Math.abs(Number(format.duration) - 2)).toBeLessThanOrEqual(0.5)

      const second = await runCli(submitArgs(home), home, withBackend())
      expect(second.code).toBe(0)
      expect(lastLine(second)).toMatchObject({ state: 'done', sentBytes: 0, result: join(home, 'out', 'presenter-voice (2).mp4') })
      expect(second.lines.some((line) => line['state'] === 'uploading')).toBe(false)

      const list = await runCli(['list', '--json'], home)
      expect(list.code).toBe(0)
      expect(list.lines.map((line) => [line['job'], line['state'], line['name']])).toEqual([
        [lastLine(second)['job'], 'done', 'presenter · voice'],
        [lastLine(first)['job'], 'done', 'presenter · voice'],
      ])
      const show = await runCli(['show', String(lastLine(first)['job']).slice(0, 8), '--json'], home)
      expect(show.lines).toEqual([expect.objectContaining({ job: lastLine(first)['job'], state: 'done', result: lastLine(first)['result'], createdAt: expect.any(String) })])
    })

    it.each([
      ['en_US.UTF-8', /Uploading presenter\.mp4/, /✓ Done \(stand-in engine/, /Result: .*presenter-voice\.mp4/],
      ['zh_CN.UTF-8', /上传 presenter\.mp4/, /✓ 完成 （演示引擎/, /结果：.*presenter-voice\.mp4/],
    ])('speaks to people in their language (%s)', async (LANG, ...sentences) => {
      const home = newHome()
      // A file of its own, so that the server does not have it.
      const own = makeMedia(home, 'presenter.mp4', ...picture(1), ...h264, '-metadata', `title=${LANG}`)
      const end = await runCli(['submit', '--video', own, '--audio', audio, '--out', join(home, 'out')], home, { ...withBackend(), LANG })
      expect(end).toMatchObject({ code: 0, stderr: '' })
      for (const sentence of sentences) expect(end.stdout).toMatch(sentence)
      expect(end.stdout).not.toContain('\u001b')
    })

    it('uses the built-in service where no address is set, and takes it along when it ends', async () => {
      const home = newHome()
      const run = startCli(submitArgs(home), home)
      await run.state('waiting')
      const { pid } = JSON.parse(readFileSync(join(home, 'desk', 'service', 'running.json'), 'utf8')) as { pid: number }
      expect(isAlive(pid)).toBe(true)
      const end = await run.ended
      expect(end.code).toBe(0)
      expect(lastLine(end)).toMatchObject({ state: 'done', engine: 'mux' })
      await until(() => !isAlive(pid))
    })

    it('shares one built-in service between two that start at once in one home', async () => {
      const home = newHome()
      const ends = await Promise.all([1, 2, 3].map(() => runCli(submitArgs(home), home)))
      expect(ends.map((end) => lastLine(end)['state'])).toEqual(['done', 'done', 'done'])
      expect(ends.map(({ code }) => code)).toEqual([0, 0, 0])
    })

    it('takes the built-in service down when it is killed', async () => {
      const home = newHome()
      const run = startCli(submitArgs(home), home)
      await run.state('waiting')
      const { pid } = JSON.parse(readFileSync(join(home, 'desk', 'service', 'running.json'), 'utf8')) as { pid: number }
      run.signal('SIGKILL')
      await run.ended
      await until(() => !isAlive(pid))
      // And the next one goes on with the same task in a service of its own.
      const retry = await runCli(['retry', String((await run.state('waiting'))['job']), '--json'], home)
      expect(retry.code).toBe(0)
      expect(new Set(retry.lines.flatMap((line) => line['task'] ?? []))).toEqual(new Set([(await run.state('waiting'))['task']]))
    })
  })

  describe.concurrent('ends with the code for', () => {
    it.each([
      ['nothing to do wrong: help', ['help'], 0],
      ['the version', ['--version'], 0],
      ['an empty list', ['list'], 0],
      ['an unknown command', ['dance'], 2],
      ['a missing file argument', ['submit', '--video', 'a.mp4'], 2],
      ['an unknown option', ['list', '--fast'], 2],
      ['a key in the arguments', ['submit', '--license-key', 'LICENSE-1234'], 2],
      ['an unknown job', ['show', 'nobody'], 1],
      ['a file that is missing', ['submit', '--video', 'gone.mp4', '--audio', 'gone.wav'], 1],
    ])('%s', async (_what, args, code) => {
      const end = await runCli(args, newHome())
      expect(end.code).toBe(code)
      expect(code === 2 ? end.stderr : end.stdout).not.toBe('')
    })

    it('a home that cannot be made, with what the system said', async () => {
      const home = newHome()
      const end = await runCli(['list'], home, { LIPSYNC_HOME: written(home, 'file', '') })
      expect(end.code).toBe(1)
      expect(end.stderr).toContain('EEXIST')
    })

    it('bad usage, in Chinese, without repeating a key', async () => {
      const end = await runCli(['submit', '--license-key=LICENSE-1234'], newHome(), { LANG: 'zh_CN.UTF-8' })
      expect(end).toMatchObject({ code: 2, stdout: '' })
      expect(end.stderr).toMatch(/卡密和密钥不能写在命令行里/)
      expect(end.stderr).not.toContain('LICENSE-1234')
    })

    it.each([
      ['no license key', { LIPSYNC_LICENSE_KEY: '' }, 3, 'license_missing'],
      ['an unknown license key', { LIPSYNC_LICENSE_KEY: 'LICENSE-0000' }, 3, 'license_unknown'],
      ['an expired license key', { LIPSYNC_LICENSE_KEY: backendKeys.expired }, 3, 'license_expired'],
      ['a wrong secret', { LIPSYNC_GPU_SECRET: 'wrong-secret' }, 1, 'secret_wrong'],
      ['a malformed address', { HEYGEM_SERVER_URL: 'ftp://gpu' }, 1, 'address_malformed'],
      ['only one of two addresses', { API_SERVER_URL: '' }, 1, 'address_malformed'],
    ])('%s, the job kept for another try', async (_what, wrong, code, error) => {
      const home = newHome()
      const end = await runCli(submitArgs(home), home, { ...withBackend(), ...wrong })
      expect(end.code).toBe(code)
      const words = { title: expect.stringMatching(/\S/), meaning: expect.stringMatching(/\S/), todo: expect.stringMatching(/\S/) }
      expect(lastLine(end)).toMatchObject({ state: 'failed', error: { code: error, ...words }, sentBytes: 0 })
      expect(end.stdout).not.toContain('LICENSE-0000')
      const again = await runCli(['retry', String(lastLine(end)['job']), '--json'], home, withBackend())
      expect(again.code).toBe(0)
      expect(lastLine(again)).toMatchObject({ state: 'done', job: lastLine(end)['job'] })
    })

    it('a server that is not there', async () => {
      const home = newHome()
      const address = await deadAddress()
      const end = await runCli(submitArgs(home), home, { ...withBackend(), API_SERVER_URL: address })
      expect(end.code).toBe(4)
      expect(lastLine(end)).toMatchObject({ state: 'failed', error: { code: 'server_unreachable', detail: { server: 'api' } } })
    })

    it('an interrupt, once the job is cancelled', async () => {
      await withDeployed(async (servers) => {
        const home = newHome()
        servers.now.steps = [{ status: 'processing', progress: 10 }]
        const run = startCli(submitArgs(home), home, withServers(servers))
        await run.state('rendering')
        run.signal('SIGINT')
        const end = await run.ended
        expect(end.code).toBe(5)
        expect(end.lines.slice(-2).map((line) => line['state'])).toEqual(['cancelling', 'cancelled'])
        servers.restartGpu()
        servers.now.steps = [{ status: 'done' }]
        // It takes a minute until a task that nobody knows counts as lost; here the server knows another one again.
        const list = await runCli(['list', '--json'], home)
        expect(list.lines).toMatchObject([{ state: 'cancelled' }])
      })
    })

    it('being asked to end', async () => {
      await withDeployed(async (servers) => {
        const home = newHome()
        servers.now.steps = [{ status: 'processing', progress: 10 }]
        const run = startCli(submitArgs(home), home, withServers(servers))
        await run.state('rendering')
        run.signal('SIGTERM')
        expect((await run.ended).code).toBe(5)
      })
    })

    it('a job that another one cancelled', async () => {
      await withDeployed(async (servers) => {
        const home = newHome()
        servers.now.steps = [{ status: 'processing', progress: 10 }]
        const run = startCli(submitArgs(home), home, withServers(servers))
        const { job } = await run.state('rendering')
        const cancel = await runCli(['cancel', String(job), '--json'], home, withServers(servers))
        expect(cancel.code).toBe(0)
        expect(cancel.lines).toMatchObject([{ job, state: 'cancelled' }])
        const end = await run.ended
        expect(end.code).toBe(5)
        expect(lastLine(end)).toMatchObject({ state: 'cancelled' })
        // It has ended: neither can it be cancelled again …
        expect((await runCli(['cancel', String(job)], home)).code).toBe(1)
        // … nor is it lost.
        servers.now.steps = [{ status: 'done' }]
        servers.restartGpu()
      })
    })

    it('a second interrupt, at once', async () => {
      await withDeployed(async (servers) => {
        const home = newHome()
        servers.now.steps = [{ status: 'processing', progress: 10 }]
        const run = startCli(submitArgs(home), home, withServers(servers))
        await run.state('rendering')
        run.signal('SIGINT')
        run.signal('SIGINT')
        expect((await run.ended).code).toBe(5)
      })
    })
  })

  describe.concurrent('calls a file', () => {
    it.each<[string, string, 'video' | 'audio', (dir: string) => string]>([
      ['that is missing', 'file_missing', 'video', (dir) => join(dir, 'gone.mp4')],
      ['that is empty', 'file_empty', 'audio', (dir) => written(dir, 'empty.wav', '')],
      ['that is a folder', 'file_is_directory', 'video', (dir) => folder(dir, 'folder.mp4')],
      ['that cannot be reached', 'file_unreadable', 'video', (dir) => endless(dir, 'loop.mp4')],
      ['without a picture', 'file_no_video', 'video', (dir) => makeMedia(dir, 'blind.m4a', ...sound(1), ...aac)],
      ['without sound', 'file_no_audio', 'audio', (dir) => makeMedia(dir, 'silent.mp4', ...picture(1), ...h264)],
      ['of text', 'file_not_media', 'video', (dir) => written(dir, 'text.mp4', 'this is no video')],
    ])('%s %s, in both languages', async (_what, code, role, make) => {
      const home = newHome()
      const files = { video, audio, [role]: make(home) }
      const ask = (LANG: string) => runCli(['submit', '--video', files.video, '--audio', files.audio, '--json'], home, { LANG })
      const [en, zh] = await Promise.all([ask('en_US.UTF-8'), ask('zh_CN.UTF-8')])
      for (const [end, script] of [[en, /^[\x20-\x7e“”’–…—]+$/], [zh, /\p{Script=Han}/u]] as const) {
        expect(end.code).toBe(1)
        expect(end.lines).toMatchObject([{ at: expect.any(String), error: { code, detail: { file: expect.any(String) }, title: expect.stringMatching(script), todo: expect.stringMatching(/\S/) } }])
      }
    })

    it('that changed between hashing and uploading changed, and keeps the job', async () => {
      await withDeployed(async (servers) => {
        const home = newHome()
        const own = join(home, 'voice.wav')
        copyFileSync(audio, own)
        const check = servers.hold('gpu POST check_files')
        const run = startCli(['submit', '--video', video, '--audio', own, '--out', join(home, 'out'), '--json'], home, withServers(servers))
        await check.arrived
        utimesSync(own, new Date(), new Date(1_600_000_000_000))
        check.release()
        const end = await run.ended
        expect(end.code).toBe(1)
        expect(lastLine(end)).toMatchObject({ state: 'failed', error: { code: 'file_changed', detail: { file: 'voice.wav' } } })
        const again = await runCli(['retry', String(lastLine(end)['job']), '--json'], home, withServers(servers))
        expect(again.code).toBe(0)
      })
    })
  })

  describe.concurrent('calls a server', () => {
    it.each([
      ['that answers with a page', '<html><body>Welcome</body></html>', 'server_not_json'],
      ['that answers other JSON', { hello: 'world' }, 'server_bad_reply'],
      ['that fails for good', { code: 7, msg: 'closed' }, 'server_refused'],
    ])('%s %s', async (_what, body, code) => {
      const server = await startScriptedServer()
      try {
        const home = newHome()
        const run = startCli(submitArgs(home), home, { ...withBackend(), HEYGEM_SERVER_URL: server.url })
        ;(await server.next()).answer(200, body)
        const end = await run.ended
        expect(end.code).toBe(1)
        expect(lastLine(end)).toMatchObject({ state: 'failed', error: { code, detail: { server: 'gpu', host: server.host } } })
      } finally {
        await server.close()
      }
    })
  })

  describe.concurrent('calls a result', () => {
    it.each<[string, string, () => Buffer]>([
      ['that is too short', 'result_wrong_duration', () => readFileSync(makeResult(root, 'too-short.mp4', 1))],
      ['that is only the beginning of one', 'result_not_media', () => result.subarray(0, result.length / 2)],
      ['without sound', 'result_no_audio', () => readFileSync(makeMedia(root, 'soundless.mp4', ...picture(2), ...h264))],
    ])('%s %s and keeps nothing of it', async (_what, code, make) => {
      await withDeployed(async (servers) => {
        servers.now.result = make()
        const home = newHome()
        const end = await runCli(submitArgs(home), home, withServers(servers))
        expect(end.code).toBe(1)
        expect(lastLine(end)).toMatchObject({ state: 'failed', during: 'downloading', error: { code } })
        expect(readdirSync(join(home, 'out'))).toEqual([])
      })
    })
  })

  describe.concurrent('calls an output folder', () => {
    it('whose parent is gone missing, before there is a job', async () => {
      const home = newHome()
      const end = await runCli(['submit', '--video', video, '--audio', audio, '--out', join(home, 'gone', 'out'), '--json'], home, withBackend())
      expect(end.code).toBe(1)
      expect(lastLine(end)).toMatchObject({ error: { code: 'output_missing' } })
    })

    it('that is a file missing, and keeps the job', async () => {
      const home = newHome()
      const end = await runCli(['submit', '--video', video, '--audio', audio, '--out', written(home, 'file', ''), '--json'], home, withBackend())
      expect(end.code).toBe(1)
      expect(lastLine(end)).toMatchObject({ state: 'failed', error: { code: 'output_missing', detail: { folder: 'file' } } })
    })

    it('that must not be written to not writable, and keeps the job', async ({ skip }) => {
      const home = newHome()
      const locked = makeReadOnly(folder(home, 'locked'))
      if ('why' in locked) return skip(locked.why)
      try {
        const end = await runCli(['submit', '--video', video, '--audio', audio, '--out', join(home, 'locked'), '--json'], home, withBackend())
        expect(end.code).toBe(1)
        expect(lastLine(end)).toMatchObject({ state: 'failed', error: { code: 'output_not_writable', detail: { folder: 'locked' } } })
      } finally {
        locked.undo()
      }
    })
  })

  it('shows where secrets go: nowhere it writes', async () => {
    const home = newHome()
    const env = { ...withBackend(), LIPSYNC_API_SECRET: 'api-secret-9999' }
    const end = await runCli(submitArgs(home), home, env)
    expect(end.code).toBe(0)
    const written = [end.stdout, end.stderr, ...readdirSync(join(home, 'desk')).filter((name) => name.startsWith('ledger')).map((name) => readFileSync(join(home, 'desk', name), 'latin1'))].join('\n')
    for (const secret of [backendKeys.license, backendKeys.gpuSecret, 'api-secret-9999']) expect(written).not.toContain(secret)
  })
})

function written(dir: string, name: string, content: string): string {
  writeFileSync(join(dir, name), content)
  return join(dir, name)
}

function folder(dir: string, name: string): string {
  mkdirSync(join(dir, name))
  return join(dir, name)
}

/** A link to itself: nobody can read it, not even root. */
function endless(dir: string, name: string): string {
  if (!existsSync(join(dir, name))) symlinkSync(name, join(dir, name))
  return join(dir, name)
}
