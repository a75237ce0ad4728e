// The part of the environment that is about the power monitor: who powers the GPU machine, and the times.
import { z } from 'zod'
import { gpuPaths } from '../src-shared/gpu-contract'
import { readCommand } from './config-command'

export interface MonitorConfig {
  readonly provider: ProviderConfig
  /** Undefined with a provider that knows where its service is. */
  readonly healthUrl: string | undefined
  readonly checkMs: number
  readonly idleMs: number
  readonly startWaitMs: number
  readonly stopWaitMs: number
}

export type ProviderConfig =
  | { readonly kind: 'none' }
  /** `env`: what the GPU service may see of our environment. */
  | { readonly kind: 'process'; readonly env: NodeJS.ProcessEnv }
  | {
      readonly kind: 'command'
      readonly start: readonly string[]
      readonly stop: readonly string[]
      readonly state: readonly string[]
      readonly env: NodeJS.ProcessEnv
    }
  | { readonly kind: 'http'; readonly url: string; readonly secret: string }
  | {
      readonly kind: 'compshare'
      readonly url: string
      readonly publicKey: string
      readonly privateKey: string
      readonly region: string
      readonly zone: string
      readonly projectId: string
      readonly hostId: string
    }

const optional = z.string().optional()
const webUrl = z.url({ protocol: /^https?$/, error: 'not an http:// or https:// address' })
/** Timers take no more than 2^31 − 1 ms. */
const ms = (fallback: number) => z.coerce.number('not a number').int().min(10).max(2_147_483_647).default(fallback)

/** Defaults of contract.md §5. */
export const monitorEnvironment = z.object({
  MONITOR_CHECK_MS: ms(10_000),
  MONITOR_IDLE_MS: ms(1_800_000),
  MONITOR_START_WAIT_MS: ms(300_000),
  MONITOR_STOP_WAIT_MS: ms(180_000),
  GPU_PROVIDER: z.enum(['none', 'process', 'command', 'http', 'compshare'], 'must be process, command, http, compshare or none').default('none'),
  GPU_HEALTH_URL: webUrl.optional(),
  HEYGEM_SERVER_URL: webUrl.optional(),
  GPU_START_COMMAND: optional,
  GPU_STOP_COMMAND: optional,
  GPU_STATE_COMMAND: optional,
  GPU_PROVIDER_URL: webUrl.optional(),
  GPU_PROVIDER_SECRET: optional,
  COMPSHARE_URL: webUrl.default('https://api.ucloud.cn/'),
  COMPSHARE_PUBLIC_KEY: optional,
  COMPSHARE_PRIVATE_KEY: optional,
  COMPSHARE_REGION: optional,
  COMPSHARE_ZONE: optional,
  COMPSHARE_PROJECT_ID: optional,
  COMPSHARE_UHOST_ID: optional,
})
type Environment = z.infer<typeof monitorEnvironment>

/** What is no program's business but ours, and what a program that powers machines need not know besides. */
const ownNames = /^(MONITOR_|COMPSHARE_|GPU_PROVIDER|GPU_(START|STOP|STATE)_COMMAND$|LICENSE_|API_|REDIS_)/
const serviceSecrets = /^(WORKER_SECRET|GPU_SECRET|HEYGEM_API_SECRET)$/

/** `asked`: the role runs here; only then its part must be whole. */
export function readMonitor(env: Environment, environment: NodeJS.ProcessEnv, asked: boolean, problems: string[]): MonitorConfig {
  const needed = (name: keyof Environment): string => {
    const value = env[name]
    if (value === undefined && asked) problems.push(`${name}: needed with GPU_PROVIDER=${env.GPU_PROVIDER}`)
    return String(value ?? '')
  }
  if (asked && env.GPU_PROVIDER === 'none') problems.push('GPU_PROVIDER: needed, or the monitor has nothing to power')
  const service = env.HEYGEM_SERVER_URL?.replace(/\/+$/, '')
  const healthUrl = env.GPU_HEALTH_URL ?? (service && `${service}${gpuPaths.health}`)
  if (asked && healthUrl === undefined && !['none', 'process'].includes(env.GPU_PROVIDER)) {
    problems.push('GPU_HEALTH_URL: needed (or HEYGEM_SERVER_URL), or nobody knows when the GPU service answers')
  }
  return {
    provider: readProvider(env, environment, needed, problems),
    healthUrl,
    checkMs: env.MONITOR_CHECK_MS,
    idleMs: env.MONITOR_IDLE_MS,
    startWaitMs: env.MONITOR_START_WAIT_MS,
    stopWaitMs: env.MONITOR_STOP_WAIT_MS,
  }
}

function readProvider(
  env: Environment,
  environment: NodeJS.ProcessEnv,
  needed: (name: keyof Environment) => string,
  problems: string[],
): ProviderConfig {
  const without = (...names: readonly RegExp[]): NodeJS.ProcessEnv =>
    Object.fromEntries(Object.entries(environment).filter(([name]) => !names.some((pattern) => pattern.test(name))))
  switch (env.GPU_PROVIDER) {
    case 'none':
      return { kind: 'none' }
    case 'process':
      return { kind: 'process', env: without(ownNames) }
    case 'command': {
      const command = (name: 'GPU_START_COMMAND' | 'GPU_STOP_COMMAND' | 'GPU_STATE_COMMAND'): readonly string[] =>
        readCommand(name, needed(name), problems) ?? []
      return {
        kind: 'command',
        start: command('GPU_START_COMMAND'),
        stop: command('GPU_STOP_COMMAND'),
        state: command('GPU_STATE_COMMAND'),
        env: without(ownNames, serviceSecrets),
      }
    }
    case 'http':
      return { kind: 'http', url: needed('GPU_PROVIDER_URL'), secret: env.GPU_PROVIDER_SECRET ?? '' }
    case 'compshare':
      return {
        kind: 'compshare',
        url: env.COMPSHARE_URL,
        publicKey: needed('COMPSHARE_PUBLIC_KEY'),
        privateKey: needed('COMPSHARE_PRIVATE_KEY'),
        region: needed('COMPSHARE_REGION'),
        zone: needed('COMPSHARE_ZONE'),
        projectId: env.COMPSHARE_PROJECT_ID ?? '',
        hostId: needed('COMPSHARE_UHOST_ID'),
      }
  }
}
