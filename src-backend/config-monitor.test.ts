import { describe, expect, it } from 'vitest'
import { ConfigProblems, readConfig, type Config } from './config'

const hub = { HUB_URL: 'ws://127.0.0.1:1/dsp', MONITOR_SECRET: 'long enough' }
const compshare = {
  ...{ GPU_PROVIDER: 'compshare', HEYGEM_SERVER_URL: 'http://127.0.0.1:8383/', COMPSHARE_PUBLIC_KEY: 'p', COMPSHARE_PRIVATE_KEY: 'q' },
  ...{ COMPSHARE_REGION: 'r', COMPSHARE_ZONE: 'z', COMPSHARE_UHOST_ID: 'uhost-1' },
}

function problemsOf(args: string[], environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(args, environment)
    return []
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems
    throw error
  }
}

describe('the configuration of the monitor', () => {
  it.each<[string[], NodeJS.ProcessEnv, Config['roles']]>([
    [['all'], {}, ['api', 'gpu']],
    [['all'], { GPU_PROVIDER: 'none' }, ['api', 'gpu']],
    [['all'], { GPU_PROVIDER: 'process' }, ['api', 'monitor']],
    [['all'], compshare, ['api', 'monitor']],
    [['monitor'], { ...hub, ...compshare }, ['monitor']],
    [['all', 'gpu'], { ...compshare }, ['api', 'gpu', 'monitor']],
  ])('%j with %j runs %j', (args, environment, roles) => {
    expect(readConfig(args, { WORKER_SECRET: 'long enough', ...environment }).roles).toEqual(roles)
  })

  it('has the times of the deployed system, unless others are given', () => {
    const times = { checkMs: 10_000, idleMs: 1_800_000, startWaitMs: 300_000, stopWaitMs: 180_000 }
    expect(readConfig(['all'], {}).monitor).toEqual({ provider: { kind: 'none' }, healthUrl: undefined, ...times })
    const given = { MONITOR_CHECK_MS: '50', MONITOR_IDLE_MS: '60', MONITOR_START_WAIT_MS: '70', MONITOR_STOP_WAIT_MS: '80' }
    expect(readConfig(['all'], given).monitor).toMatchObject({ checkMs: 50, idleMs: 60, startWaitMs: 70, stopWaitMs: 80 })
  })

  it('asks the GPU server for its health where it is, or where it is said to be', () => {
    expect(readConfig(['monitor'], { ...hub, ...compshare }).monitor.healthUrl).toBe('http://127.0.0.1:8383/api/heygem/health')
    const elsewhere = { ...hub, ...compshare, GPU_HEALTH_URL: 'http://127.0.0.1:1/ok' }
    expect(readConfig(['monitor'], elsewhere).monitor.healthUrl).toBe('http://127.0.0.1:1/ok')
  })

  it('reads commands, and keeps its secrets from them', () => {
    const { provider } = readConfig(['monitor'], {
      ...{ ...hub, GPU_PROVIDER: 'command', GPU_HEALTH_URL: 'http://127.0.0.1:1', PATH: '/bin', CLOUD_KEY: 'theirs' },
      ...{ GPU_START_COMMAND: 'cloud start', GPU_STOP_COMMAND: '["cloud", "stop it"]', GPU_STATE_COMMAND: 'cloud state' },
      ...{ WORKER_SECRET: 'a worker secret', HEYGEM_API_SECRET: 's', LICENSE_KEYS: 'k', GPU_PROVIDER_SECRET: 'p', REDIS_URL: 'redis://:r@127.0.0.1' },
    }).monitor
    expect(provider).toEqual({
      ...{ kind: 'command', start: ['cloud', 'start'], stop: ['cloud', 'stop it'], state: ['cloud', 'state'] },
      env: { PATH: '/bin', CLOUD_KEY: 'theirs', HUB_URL: hub.HUB_URL, GPU_HEALTH_URL: 'http://127.0.0.1:1' },
    })
  })

  it('keeps from the GPU service what is not its business', () => {
    const environment = { GPU_PROVIDER: 'process', LICENSE_KEYS: 'k', COMPSHARE_PRIVATE_KEY: 'p', MONITOR_SECRET: 'long enough' }
    const { provider } = readConfig(['all'], { ...environment, GPU_SECRET: 'its own', FFMPEG_PATH: '/f' }).monitor
    expect(provider).toEqual({ kind: 'process', env: { GPU_SECRET: 'its own', FFMPEG_PATH: '/f' } })
  })

  it.each<[string[], NodeJS.ProcessEnv, RegExp[]]>([
    [['monitor'], { ...hub }, [/^GPU_PROVIDER: needed/]],
    [['monitor'], { ...compshare }, [/^HUB_URL: needed/]],
    [['monitor'], { ...compshare, HUB_URL: hub.HUB_URL }, [/^MONITOR_SECRET: needed/]],
    [['monitor'], { ...hub, GPU_PROVIDER: 'process' }, [/^WORKER_SECRET: needed by the GPU service/]],
    [['all', 'gpu'], { GPU_PROVIDER: 'process' }, [/^gpu: with GPU_PROVIDER=process/]],
    [['monitor'], { ...hub, GPU_PROVIDER: 'http' }, [/^GPU_HEALTH_URL: needed/, /^GPU_PROVIDER_URL: needed/]],
    [['monitor'], { ...hub, ...compshare, COMPSHARE_PRIVATE_KEY: '', COMPSHARE_ZONE: '' }, [/^COMPSHARE_PRIVATE_KEY/, /^COMPSHARE_ZONE/]],
    [
      ['monitor'],
      { ...hub, GPU_PROVIDER: 'command', GPU_HEALTH_URL: 'http://127.0.0.1:1', GPU_START_COMMAND: '[1]', GPU_STOP_COMMAND: 'b' },
      [/^GPU_START_COMMAND: not a JSON/, /^GPU_STATE_COMMAND: needed/],
    ],
    [['all'], { GPU_PROVIDER: 'magic', MONITOR_CHECK_MS: '1', MONITOR_SECRET: 'short' }, [/^MONITOR_SECRET/, /^MONITOR_CHECK_MS/, /^GPU_PROVIDER: must be/]],
    // A part that does not run here need not be whole.
    [['api'], { WORKER_SECRET: 'long enough', GPU_PROVIDER: 'http' }, []],
  ])('%j with %j: one line for each problem', (args, environment, lines) => {
    const problems = problemsOf(args, environment)
    expect(problems).toHaveLength(lines.length)
    lines.forEach((line, index) => {
      expect(problems[index]).toMatch(line)
    })
  })
})
