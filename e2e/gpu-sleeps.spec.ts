// The operator's checklist with the real parts: a real Redis, two API processes, the power monitor and the GPU service as
// programs of their own, and the desk's window before them. The machine is the gpu role, powered by scripts that are slow.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from '@playwright/test'
import { launchDesk, projectRoot, sampleVideo, test } from './desk-app'
import { makeVoice, startRole, type Role } from './media'

const run = promisify(execFile)
const license = 'e2e-sleeper-2468'
const secrets = { GPU_SECRET: 'e2e-gpu-secret', WORKER_SECRET: 'e2e-worker-secret', MONITOR_SECRET: 'e2e-monitor-secret' }

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Scripts for start, stop and state, as an operator's would be: the machine takes a while for both. */
async function machineScripts(dir: string, gpuEnv: Record<string, string>): Promise<Record<string, string>> {
  const script = join(dir, 'machine.mjs')
  await writeFile(
    script,
    `import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync, openSync } from 'node:fs'
const [action, dir] = process.argv.slice(2)
const pidFile = dir + '/machine.pid', stopping = dir + '/machine.stopping'
const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0
const alive = () => { try { process.kill(pid, 0); return pid > 0 } catch { return false } }
if (action === 'state') console.log(!alive() ? 'stopped' : existsSync(stopping) ? 'stopping' : 'running')
if (action === 'start') {
  rmSync(stopping, { force: true })
  const log = openSync(dir + '/machine.log', 'a')
  const child = spawn(process.execPath, [${JSON.stringify(join(projectRoot, 'out/main/backend.js'))}, 'gpu'], { detached: true, stdio: ['ignore', log, log], env: ${JSON.stringify(gpuEnv)} })
  writeFileSync(pidFile, String(child.pid))
  child.unref()
}
if (action === 'stop' && alive()) {
  writeFileSync(stopping, '')
  spawn(process.execPath, ['-e', 'setTimeout(() => process.kill(' + pid + '), 2500)'], { detached: true, stdio: 'ignore' }).unref()
}
`,
  )
  const command = (action: string): string => JSON.stringify([process.execPath, script, action, dir])
  return { GPU_PROVIDER: 'command', GPU_START_COMMAND: command('start'), GPU_STOP_COMMAND: command('stop'), GPU_STATE_COMMAND: command('state') }
}

test('a task queued while the GPU is off runs by itself when somebody powers it on, and it goes off again', async ({ home }) => {
  test.setTimeout(180_000)
  const started: Role[] = []
  let redis: ChildProcess | undefined
  const dir = join(home, 'servers')
  await mkdir(dir)
  try {
    const [redisPort, gpuPort] = [await freePort(), await freePort()]
    redis = spawn('redis-server', ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--dir', dir], { stdio: 'ignore' })
    const redisCli = async (...args: string[]): Promise<string> => (await run('redis-cli', ['-p', String(redisPort), ...args])).stdout.trim()
    await expect.poll(() => redisCli('PING').catch(() => ''), { timeout: 10_000 }).toBe('PONG')

    const apiEnv = { ...secrets, LICENSE_KEYS: license, REDIS_URL: `redis://127.0.0.1:${redisPort}`, API_PORT: '0', API_FILES_DIR: join(dir, 'files'), LEASE_MS: '2000' }
    const front = await startRole('api', { ...apiEnv, DATA_DIR: join(dir, 'api-1') })
    const back = await startRole('api', { ...apiEnv, DATA_DIR: join(dir, 'api-2') })
    started.push(front, back)
    const hubUrl = `${(back.apiUrl ?? '').replace('http', 'ws')}/dsp`
    const gpuUrl = `http://127.0.0.1:${gpuPort}`

    const desk = await launchDesk({ home, env: { API_SERVER_URL: front.apiUrl ?? '', HEYGEM_SERVER_URL: gpuUrl, LIPSYNC_LICENSE_KEY: license, LIPSYNC_GPU_SECRET: secrets.GPU_SECRET } })
    const { page } = desk
    /** Another voice each time: a result that is there already would need no machine. */
    const submit = async (seconds: number): Promise<void> => {
      await page.getByTestId('nav-new').click()
      await desk.answerDialogs([sampleVideo, await makeVoice(join(home, `voice-${seconds}.wav`), seconds)])
      await page.getByTestId('pick-video').click()
      await page.getByTestId('pick-audio').click()
      await expect(page.getByTestId('verdict-audio')).toContainText('可以使用')
      await page.getByTestId('start-job').click()
      await page.getByTestId('nav-queue').click()
    }
    const gpuAnswers = (): Promise<boolean> => fetch(`${gpuUrl}/api/heygem/health`).then(() => true, () => false)

    // Nobody is there to power the machine on yet: the task waits, in words and in Redis.
    await submit(8)
    await expect(page.getByTestId('job-row')).toHaveAttribute('data-state', 'waking', { timeout: 30_000 })
    await expect(page.getByTestId('job-note')).toContainText('任务已排队')
    await expect.poll(() => redisCli('LRANGE', `dsp:pending_tasks:${license}`, '0', '-1')).toContain('heygem_submit')

    // The monitor is at the other API process; it finds the demand by asking, and the machine comes up.
    const monitor = await startRole('monitor', {
      ...secrets,
      ...(await machineScripts(dir, { PATH: process.env['PATH'] ?? '', ...secrets, GPU_PORT: String(gpuPort), DATA_DIR: join(dir, 'gpu'), HUB_URL: hubUrl })),
      DATA_DIR: join(dir, 'monitor'),
      HUB_URL: hubUrl,
      GPU_HEALTH_URL: `${gpuUrl}/api/heygem/health`,
      MONITOR_CHECK_MS: '500',
      MONITOR_IDLE_MS: '3000',
      MONITOR_START_WAIT_MS: '30000',
      MONITOR_STOP_WAIT_MS: '15000',
    })
    started.push(monitor)
    await expect.poll(() => redisCli('SCARD', 'dsp:gpu_monitors')).toBe('1')
    await page.getByTestId('nav-history').click()
    await expect(page.getByTestId('history-row')).toHaveAttribute('data-state', 'done', { timeout: 60_000 })
    expect(await redisCli('LLEN', `dsp:pending_tasks:${license}`)).toBe('0')

    // Idle: it goes off. A task that comes while it stops wakes it again.
    await expect.poll(() => run(process.execPath, [join(dir, 'machine.mjs'), 'state', dir]).then(({ stdout }) => stdout.trim()), { timeout: 90_000, intervals: [200] }).toBe('stopping')
    await submit(12)
    await expect.poll(gpuAnswers, { timeout: 20_000 }).toBe(false)
    await page.getByTestId('nav-history').click()
    await expect(page.getByTestId('history-row')).toHaveCount(2, { timeout: 90_000 })
    await expect(page.getByTestId('history-row').first()).toHaveAttribute('data-state', 'done')
    await expect.poll(gpuAnswers, { timeout: 90_000 }).toBe(false)
    await desk.close()
  } finally {
    await Promise.all(started.map((role) => role.stop()))
    await run(process.execPath, [join(dir, 'machine.mjs'), 'stop', dir]).catch(() => undefined)
    redis?.kill('SIGTERM')
  }
})
