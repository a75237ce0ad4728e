// The monitor role put together: the provider that is configured, the service's health, and the monitor between them and
// the hub.
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gpuPaths } from '../../src-shared/gpu-contract'
import type { Config } from '../config'
import type { Log } from '../log'
import { askHealth } from './health'
import { hubLineTimes } from './hub-line'
import { runMonitor } from './monitor'
import type { PowerTimes } from './power'
import type { CallLimits, PowerProvider } from './provider'
import { CommandProvider } from './provider-command'
import { CompShareProvider } from './provider-compshare'
import { HttpProvider } from './provider-http'
import { ProcessProvider } from './provider-process'
import { WakeTimes } from './wake-times'

export interface MonitorAccess {
  readonly hubUrl: string
  readonly monitorSecret: string
  /** For a GPU service of our own: it registers as a worker. */
  readonly workerSecret: string
  /** This program, to be started as a GPU service. */
  readonly program: string
}

export interface RunningMonitor {
  /** Where the GPU service listens when it is on, if it is one of our own. */
  readonly gpuUrl: string | undefined
  close(): Promise<void>
}

const healthLimitMs = 5000
const stateLimitMs = 15_000
/** For a call that is only taken down at the other end. */
const requestLimitMs = 30_000
const killAfterMs = 1500

export async function startMonitorRole(config: Config, access: MonitorAccess, log: Log): Promise<RunningMonitor> {
  const { provider, gpuUrl } = await openProvider(config, access)
  const healthUrl = config.monitor.healthUrl ?? `${gpuUrl ?? ''}${gpuPaths.health}`
  const wakes = await WakeTimes.open(join(config.dataDir, 'monitor', 'wakes.json'), log)
  const stopping = new AbortController()
  const running = runMonitor(
    {
      ...{ provider, wakes, log, times: timesOf(config) },
      health: (signal) => askHealth(healthUrl, healthLimitMs, signal),
      hub: { url: access.hubUrl, secret: access.monitorSecret, times: hubLineTimes },
    },
    stopping.signal,
  )
  log.info('monitor_started', { provider: config.monitor.provider.kind })
  return {
    gpuUrl,
    async close() {
      stopping.abort()
      await Promise.all([running, provider.close?.()])
      await wakes.settled()
    },
  }
}

/** What is not configured keeps its proportion to the time between checks: 2 s, 60 s, 30 s and 10 min by default. */
function timesOf({ monitor }: Config): PowerTimes {
  const { checkMs, idleMs, startWaitMs, stopWaitMs } = monitor
  return {
    ...{ checkMs, idleMs, startWaitMs, stopWaitMs },
    watchMs: Math.ceil(checkMs / 5),
    settleMs: Math.min(checkMs * 6, startWaitMs),
    retryMs: checkMs * 3,
    longestRetryMs: checkMs * 60,
    // With the waits between them about a quarter of an hour by default: clouds run out of machines for that long.
    tries: 6,
  }
}

async function openProvider(config: Config, access: MonitorAccess): Promise<{ provider: PowerProvider; gpuUrl?: string }> {
  const { provider, startWaitMs, stopWaitMs } = config.monitor
  // A program of ours or of the operator's may take as long as the machine does.
  const patient: CallLimits = { stateMs: stateLimitMs, startMs: startWaitMs, stopMs: stopWaitMs }
  const brief: CallLimits = { stateMs: stateLimitMs, startMs: requestLimitMs, stopMs: requestLimitMs }
  switch (provider.kind) {
    case 'process': {
      const port = config.gpu.port === 0 ? await freePort(config.host) : config.gpu.port
      const env = { ...provider.env, ...serviceEnvironment(config, access, port) }
      const command = [process.execPath, access.program, 'gpu', '--exit-with-parent']
      const onSaid = (text: string): void => {
        process.stderr.write(text)
      }
      const everywhere = config.host === '0.0.0.0' || config.host === '::'
      const name = everywhere ? '127.0.0.1' : config.host.includes(':') ? `[${config.host}]` : config.host
      return { provider: new ProcessProvider({ command, env, onSaid, killAfterMs }, patient), gpuUrl: `http://${name}:${String(port)}` }
    }
    case 'command':
      return { provider: new CommandProvider(provider, patient) }
    case 'http':
      return { provider: new HttpProvider(provider, brief) }
    case 'compshare':
      return { provider: new CompShareProvider(provider, brief) }
    case 'none':
      throw new Error('the monitor has no provider')
  }
}

function serviceEnvironment(config: Config, access: MonitorAccess, port: number): NodeJS.ProcessEnv {
  return {
    GPU_PORT: String(port),
    DATA_DIR: config.dataDir,
    // What was sent to the API need not be fetched.
    API_FILES_DIR: config.files.dir,
    HUB_URL: access.hubUrl,
    WORKER_SECRET: access.workerSecret,
    // Electron's program is a Node only when it is told to be.
    ...(process.versions.electron !== undefined && { ELECTRON_RUN_AS_NODE: '1' }),
  }
}

/** The same one for every start, so that clients find the service where it was. */
function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => {
        resolve(port)
      })
    })
  })
}
