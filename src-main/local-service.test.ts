import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceView } from '../src-shared/bridge-contract'
import { launchChild } from './launch-child'
import { createLocalService, type LaunchedService, type LaunchService, type LocalService } from './local-service'
import { failureOf, never, until } from './submitter/testing/failure-of'
import { useTempDirs } from './submitter/testing/temp-dir'

const launchBackend = launchChild(new URL('../out/main/backend.js', import.meta.url))

describe('the built-in service', { timeout: 60_000 }, () => {
  const tempDir = useTempDirs()
  let dir: string
  const made: LocalService[] = []
  beforeEach(() => void (dir = join(tempDir(), 'service')))
  afterEach(async () => {
    await Promise.all(made.splice(0).map((service) => service.stop()))
  })

  const create = (launch: LaunchService, env: NodeJS.ProcessEnv = process.env, serviceDir = dir): LocalService => {
    const service = createLocalService(serviceDir, launch, env)
    made.push(service)
    return service
  }
  /** The real program, and what was started of it. */
  const createReal = (serviceDir = dir): LocalService & { readonly launched: LaunchedService[]; readonly running: () => number } => {
    const launched: LaunchedService[] = []
    const running = new Set<LaunchedService>()
    const service = create(
      (args, env) => {
        const one = launchBackend(args, env)
        launched.push(one)
        running.add(one)
        void one.exited.then(() => running.delete(one))
        return one
      },
      process.env,
      serviceDir,
    )
    return { ...service, launched, running: () => running.size }
  }
  const note = (): { pid: number; apiUrl: string; gpuUrl: string } => JSON.parse(readFileSync(join(dir, 'running.json'), 'utf8')) as { pid: number; apiUrl: string; gpuUrl: string }

  /** The API's code for a question under that license: the API is always on, the worker only while it works. */
  const ask = async ({ apiUrl, licenseKey }: { readonly apiUrl: string; readonly licenseKey: string }): Promise<number> => {
    const reply = await fetch(`${apiUrl}/api/heygem/task/status?task_id=x`, { headers: { Authorization: `Bearer ${licenseKey}`, 'X-Machine-Code': 'M' } })
    return ((await reply.json()) as { code: number }).code
  }

  /** A program that the test plays: it says its first line, or ends. */
  const createPlayed = () => {
    const programs: { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv; readonly say: (line: string) => void; readonly end: (code: number, said: string) => void; stopped: boolean }[] = []
    const launch: LaunchService = (args, env) => {
      let say: (line: string) => void = () => undefined
      let end: (code: number, said: string) => void = () => undefined
      const firstLine = new Promise<string>((resolve) => (say = resolve))
      const exited = new Promise<{ code: number | null; said: string }>((resolve) => (end = (code, said) => resolve({ code, said })))
      const program = { args, env, say, end, stopped: false }
      programs.push(program)
      return {
        ...{ pid: 1, firstLine, exited },
        stop: () => {
          program.stopped = true
          end(0, '')
        },
      }
    }
    return { launch, programs }
  }

  it('is started once, under keys of its own that only this user can read', async () => {
    const service = createReal()
    const views: ServiceView['kind'][] = []
    service.onChange((view) => views.push(view.kind))
    const [first, second] = await Promise.all([service.ensure(never), service.ensure(never)])
    const third = await service.ensure(never)
    expect(service.launched).toHaveLength(1)
    expect([second, third]).toEqual([first, first])
    expect(first).toMatchObject({ apiUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), gpuUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), apiSecret: '' })
    expect([...new Set(views)]).toEqual(['starting', 'running'])
    expect(service.view()).toEqual({ kind: 'running', engine: 'mux' })
    const keys = JSON.parse(readFileSync(join(dir, 'keys.json'), 'utf8')) as { licenseKey: string; gpuSecret: string }
    expect([first.licenseKey, first.gpuSecret]).toEqual([keys.licenseKey, keys.gpuSecret])
    for (const name of ['keys.json', 'running.json']) expect(statSync(join(dir, name)).mode & 0o077).toBe(0)
    // And it lets in who has them.
    expect([await ask(first), await ask({ ...first, licenseKey: 'LICENSE-0000' })]).toEqual([0, 7])
  })

  it('is started again, under the same keys, when it has died', async () => {
    const service = createReal()
    const first = await service.ensure(never)
    process.kill(note().pid, 'SIGKILL')
    await service.launched[0]!.exited
    const second = await service.ensure(never)
    expect(service.launched).toHaveLength(2)
    expect(second.licenseKey).toBe(first.licenseKey)
    expect(await ask(second)).toBe(0)
  })

  it('is one for programs that start at once, and outlives the one that did not start it', async () => {
    const programs = [createReal(), createReal(), createReal()]
    const answers = await Promise.all(programs.map((program) => program.ensure(never)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    const guests = programs.filter((program) => program.running() === 0)
    expect(guests).toHaveLength(2)
    await guests[0]!.stop()
    expect(await guests[1]!.ensure(never)).toEqual(answers[0])
  })

  it('is started by the next program when the one that started it ends', async () => {
    const [owner, guest] = [createReal(), createReal()]
    const first = await owner.ensure(never)
    expect(await guest.ensure(never)).toEqual(first)
    // At the same moment: the old one still has the folder when the new one wants it.
    const [, second] = await Promise.all([owner.stop(), guest.ensure(never)])
    const settled = (await ask(second).catch(() => 7)) === 0 ? second : await guest.ensure(never)
    expect(await ask(settled)).toBe(0)
    expect(settled.licenseKey).toBe(first.licenseKey)
    expect(note().apiUrl).toBe(settled.apiUrl)
  })

  it("is not another home's, even where a left note names its port", async () => {
    const other = createReal(join(tempDir(), 'service'))
    const theirs = await other.ensure(never)
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'running.json'), JSON.stringify({ pid: 1, apiUrl: theirs.apiUrl, gpuUrl: theirs.gpuUrl }))
    const mine = await createReal().ensure(never)
    expect(mine.gpuUrl).not.toBe(theirs.gpuUrl)
  })

  it('says that ffmpeg is missing', async () => {
    const service = create(launchBackend, { PATH: '/nonexistent' })
    expect((await failureOf(service.ensure(never))).code).toBe('ffmpeg_missing')
    expect(service.view()).toMatchObject({ kind: 'failed', error: { code: 'ffmpeg_missing' } })
  })

  it.each(['{"half', '{}', '{"licenseKey":"short","gpuSecret":"x","workerSecret":"y"}'])('makes new keys and looks anew where the files hold %s', async (content) => {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'keys.json'), content)
    writeFileSync(join(dir, 'running.json'), content)
    const { launch, programs } = createPlayed()
    const failure = failureOf(create(launch).ensure(never))
    await until(() => programs.length === 1)
    expect(programs[0]!.env['LICENSE_KEYS']).toMatch(/^local-.{16,}$/)
    expect(JSON.parse(readFileSync(join(dir, 'keys.json'), 'utf8'))).toMatchObject({ licenseKey: programs[0]!.env['LICENSE_KEYS'] })
    programs[0]!.end(1, '')
    await failure
  })

  it('gets of the environment what it needs to run, and no secrets of the person', async () => {
    const { launch, programs } = createPlayed()
    const env = { PATH: process.env['PATH'], FFMPEG_PATH: 'ffmpeg', LIPSYNC_LICENSE_KEY: 'LICENSE-1234', HEYGEM_API_SECRET: 'x', API_SECRET: 'y', NODE_OPTIONS: '--inspect', DUIX_URL: 'http://x' }
    const failure = failureOf(create(launch, env).ensure(never))
    await until(() => programs.length === 1)
    expect(programs[0]).toMatchObject({ args: ['all', '--exit-with-parent'] })
    expect(programs[0]!.env).toEqual({
      ...{ GPU_PROVIDER: 'process', MONITOR_CHECK_MS: '1000', MONITOR_IDLE_MS: '60000', MONITOR_START_WAIT_MS: '30000', MONITOR_STOP_WAIT_MS: '10000' },
      ...{ PATH: process.env['PATH'], FFMPEG_PATH: 'ffmpeg', HOST: '127.0.0.1', API_PORT: '0', GPU_PORT: '0', DATA_DIR: dir, ENGINE: 'mux' },
      ...{ LICENSE_KEYS: expect.any(String), GPU_SECRET: expect.any(String), WORKER_SECRET: expect.any(String) },
    })
    programs[0]!.end(1, '')
    await failure
  })

  it('that does not start says why, and is tried again the next time', async () => {
    const { launch, programs } = createPlayed()
    const service = create(launch)
    for (const round of [1, 2]) {
      const failure = failureOf(service.ensure(never))
      await until(() => programs.length === round)
      programs.at(-1)!.end(1, '{"level":"info","event":"x"}\n{"level":"error","event":"start_failed","reason":"the disk is gone"}\n')
      expect((await failure).toData()).toEqual({ code: 'service_failed', detail: { said: 'the disk is gone' } })
      expect(service.view()).toMatchObject({ kind: 'failed' })
    }
  })

  it.each(['not JSON', '{"event":"ready"}'])('that says %s when it listens is stopped', async (line) => {
    const { launch, programs } = createPlayed()
    const failure = failureOf(create(launch).ensure(never))
    await until(() => programs.length === 1)
    programs[0]!.say(line)
    expect((await failure).code).toBe('service_failed')
    expect(programs[0]!.stopped).toBe(true)
  })

  it('waits for the folder that another program has, for everyone who asks', async () => {
    const { launch, programs } = createPlayed()
    const service = create(launch)
    const asked = [service.ensure(never)]
    await until(() => programs.length === 1)
    // Asked for again while the first start is still under way.
    asked.push(service.ensure(never))
    // It reads the keys first; who reads them after it knows that it has them.
    for (let round = 0; round < 3; round++) await readFile(join(dir, 'keys.json'))
    programs[0]!.end(3, 'start_failed')
    // It is the other program's: its note appears, with the keys that both have.
    const keys = JSON.parse(readFileSync(join(dir, 'keys.json'), 'utf8')) as Record<string, string>
    const owner = launchBackend(['all', '--exit-with-parent'], {
      ...{ PATH: process.env['PATH'], HOST: '127.0.0.1', API_PORT: '0', GPU_PORT: '0', DATA_DIR: join(tempDir(), 'data'), ENGINE: 'mux' },
      ...{ LICENSE_KEYS: keys['licenseKey'], GPU_SECRET: keys['gpuSecret'], WORKER_SECRET: keys['workerSecret'] },
    })
    const { apiUrl, gpuUrl } = JSON.parse(await owner.firstLine) as { apiUrl: string; gpuUrl: string }
    writeFileSync(join(dir, 'running.json'), JSON.stringify({ pid: owner.pid, apiUrl, gpuUrl }))
    const ending = setInterval(() => programs.slice(1).forEach((program) => program.end(3, 'start_failed')), 10)
    try {
      expect(await Promise.all(asked)).toEqual([expect.objectContaining({ gpuUrl }), expect.objectContaining({ gpuUrl })])
    } finally {
      clearInterval(ending)
      owner.stop()
      await owner.exited
    }
  })

  it('leaves no note behind, and none of another program', async () => {
    const service = createReal()
    await service.ensure(never)
    await service.stop()
    expect(existsSync(join(dir, 'running.json'))).toBe(false)
    const again = createReal()
    await again.ensure(never)
    writeFileSync(join(dir, 'running.json'), JSON.stringify({ ...note(), pid: 1 }))
    await again.stop()
    expect(note().pid).toBe(1)
  })

  it('is not started any more once it was stopped', async () => {
    const { launch, programs } = createPlayed()
    const service = create(launch)
    await service.stop()
    expect((await failureOf(service.ensure(never))).code).toBe('service_failed')
    expect(programs).toHaveLength(0)
  })
})
