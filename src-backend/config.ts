// The environment, read once and checked: everything else gets a frozen Config. Names are those that installations of
// the deployed system already use where there is one.
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { readCommand } from './config-command'
import { monitorEnvironment, readMonitor, type MonitorConfig } from './config-monitor'

const roleNames = ['api', 'gpu', 'monitor'] as const
type RoleName = (typeof roleNames)[number]

export interface Config {
  readonly roles: readonly RoleName[]
  readonly host: string
  readonly dataDir: string
  readonly exitWithParent: boolean
  readonly api: {
    readonly port: number
    /** '' where the API is protected by license keys alone. */
    readonly secret: string
    readonly licenseFile: string | undefined
    readonly licenseKeys: readonly string[]
    /** Undefined: one process alone, with a file. */
    readonly redisUrl: string | undefined
    /** How long a task stays a worker's without a word of it. */
    readonly leaseMs: number
    /** How many tasks of one license may wait, and for how long. */
    readonly queueLimit: number
    readonly queueTtlMs: number
  }
  readonly gpu: {
    readonly port: number
    readonly secret: string
    /** Undefined: the own API of this process if there is one, else none. */
    readonly hubUrl: string | undefined
    readonly engine: EngineConfig
  }
  readonly monitor: MonitorConfig
  /** Inputs, of the API and of the GPU server: one folder where both can reach it, and nothing is kept twice. */
  readonly files: { readonly dir: string; readonly ttlMs: number; readonly maxUploadBytes: number }
  /** Proves a worker to the hub. Undefined: made up at start, for a worker in the same process. */
  readonly workerSecret: string | undefined
  /** Proves a power monitor to the hub. Undefined: made up at start, for a monitor in the same process. */
  readonly monitorSecret: string | undefined
  readonly tools: { readonly ffmpegPath: string; readonly ffprobePath: string }
}

export type EngineConfig =
  | { readonly kind: 'mux' }
  | {
      readonly kind: 'duix'
      readonly url: string
      readonly dataDir: string
      /** This machine as the engine sees it, for images that fetch their inputs. */
      readonly filesUrl: string | undefined
      readonly restartCommand: readonly string[] | undefined
    }

/** A configuration that cannot be used: one line per problem. */
export class ConfigProblems extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'))
  }
}

const optional = z.string().optional()
const port = (fallback: number) => z.coerce.number('not a number').int().min(0).max(65535).default(fallback)

const environmentSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  API_PORT: port(9501),
  GPU_PORT: port(8383),
  DATA_DIR: z.string().default('data'),
  LICENSE_FILE: optional,
  LICENSE_KEYS: optional,
  HEYGEM_API_SECRET: optional,
  API_SECRET: optional,
  GPU_SECRET: optional,
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'not a redis:// or rediss:// address' }).optional(),
  LEASE_MS: z.coerce.number('not a number').int().min(100).default(30_000),
  QUEUE_LIMIT: z.coerce.number('not a number').int().positive().default(100),
  QUEUE_TTL_SECONDS: z.coerce.number('not a number').positive().default(86_400),
  WORKER_SECRET: z.string().min(8, 'at least 8 characters').optional(),
  MONITOR_SECRET: z.string().min(8, 'at least 8 characters').optional(),
  HUB_URL: z.url({ protocol: /^wss?$/, error: 'not a ws:// or wss:// address' }).optional(),
  API_FILES_DIR: optional,
  FILE_TTL_SECONDS: z.coerce.number('not a number').positive().default(86_400),
  MAX_UPLOAD_BYTES: z.coerce.number('not a number').int().positive().default(Number.MAX_SAFE_INTEGER),
  ENGINE: z.enum(['mux', 'duix'], 'must be mux or duix').default('mux'),
  DUIX_URL: z.url({ protocol: /^https?$/, error: 'not an http:// or https:// address' }).optional(),
  DUIX_DATA_DIR: optional,
  DUIX_FILES_URL: z.url({ protocol: /^http$/, error: 'not an http:// address' }).optional(),
  DUIX_RESTART_COMMAND: optional,
  FFMPEG_PATH: z.string().default('ffmpeg'),
  FFPROBE_PATH: z.string().default('ffprobe'),
  ...monitorEnvironment.shape,
})
type Environment = z.infer<typeof environmentSchema>

export const usage = 'usage: backend all|api|gpu|monitor [more roles] [--exit-with-parent]'

/** Throws ConfigProblems. */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): Config {
  const problems: string[] = []
  const { named, exitWithParent } = readArguments(args, problems)
  // An empty variable is an unset one: that is how .env files and service units leave things out.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()))
  const parsed = environmentSchema.safeParse(given)
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
    throw new ConfigProblems(problems)
  }
  const env = parsed.data
  const roles = rolesOf(named, env)
  const monitored = roles.includes('monitor')
  // A worker of this process, or of a program that it starts, is told the secret.
  const together = roles.includes('api') && (roles.includes('gpu') || (monitored && env.GPU_PROVIDER === 'process'))
  if (roles.includes('api') && !together && env.WORKER_SECRET === undefined) {
    problems.push('WORKER_SECRET: needed, or no worker could register with this API')
  }
  if (roles.includes('gpu') && env.HUB_URL !== undefined && env.WORKER_SECRET === undefined) {
    problems.push('WORKER_SECRET: needed to register with the API at HUB_URL')
  }
  checkMonitor(roles, env, problems)
  const monitor = readMonitor(env, given, monitored, problems)
  const engine = readEngine(env, problems)
  if (problems.length > 0) throw new ConfigProblems(problems)
  return deepFreeze({
    roles,
    host: env.HOST,
    dataDir: resolve(env.DATA_DIR),
    exitWithParent,
    api: {
      port: env.API_PORT,
      secret: env.API_SECRET ?? env.HEYGEM_API_SECRET ?? '',
      licenseFile: env.LICENSE_FILE,
      licenseKeys: (env.LICENSE_KEYS ?? '').split(',').map((key) => key.trim()).filter(Boolean),
      redisUrl: env.REDIS_URL,
      leaseMs: env.LEASE_MS,
      queueLimit: env.QUEUE_LIMIT,
      queueTtlMs: env.QUEUE_TTL_SECONDS * 1000,
    },
    gpu: {
      port: env.GPU_PORT,
      secret: env.GPU_SECRET ?? env.HEYGEM_API_SECRET ?? '',
      hubUrl: env.HUB_URL,
      engine,
    },
    files: {
      dir: resolve(env.API_FILES_DIR ?? join(env.DATA_DIR, 'files')),
      ttlMs: env.FILE_TTL_SECONDS * 1000,
      maxUploadBytes: env.MAX_UPLOAD_BYTES,
    },
    monitor,
    workerSecret: env.WORKER_SECRET,
    monitorSecret: env.MONITOR_SECRET,
    tools: { ffmpegPath: env.FFMPEG_PATH, ffprobePath: env.FFPROBE_PATH },
  })
}

function readArguments(
  args: readonly string[],
  problems: string[],
): { readonly named: ReadonlySet<RoleName | 'all'>; readonly exitWithParent: boolean } {
  const named = new Set<RoleName | 'all'>()
  let exitWithParent = false
  for (const arg of args) {
    const role = roleNames.find((name) => name === arg)
    if (arg === '--exit-with-parent') exitWithParent = true
    else if (arg === 'all') named.add('all')
    else if (role) named.add(role)
    else problems.push(`unknown argument: ${arg}`)
  }
  if (named.size === 0) problems.push(usage)
  return { named, exitWithParent }
}

/** With a provider, `all` is the API and the monitor: the GPU service is wherever the provider powers it on. */
function rolesOf(named: ReadonlySet<RoleName | 'all'>, env: Environment): readonly RoleName[] {
  const all = named.has('all') ? ['api', env.GPU_PROVIDER === 'none' ? 'gpu' : 'monitor'] : []
  return roleNames.filter((name) => named.has(name) || all.includes(name))
}

function checkMonitor(roles: readonly RoleName[], env: Environment, problems: string[]): void {
  if (!roles.includes('monitor')) return
  if (!roles.includes('api') && env.HUB_URL === undefined) problems.push('HUB_URL: needed, the monitor asks the API for demand')
  if (env.HUB_URL !== undefined && env.MONITOR_SECRET === undefined) {
    problems.push('MONITOR_SECRET: needed to register with the API at HUB_URL')
  }
  if (env.GPU_PROVIDER !== 'process') return
  if (roles.includes('gpu')) problems.push('gpu: with GPU_PROVIDER=process the monitor starts it, so leave it out here')
  if (env.HUB_URL !== undefined && env.WORKER_SECRET === undefined) {
    problems.push('WORKER_SECRET: needed by the GPU service to register with the API at HUB_URL')
  }
}

function readEngine(env: Environment, problems: string[]): EngineConfig {
  if (env.ENGINE === 'mux') return { kind: 'mux' }
  if (env.DUIX_URL === undefined) problems.push('DUIX_URL: needed with ENGINE=duix')
  if (env.DUIX_DATA_DIR === undefined) problems.push('DUIX_DATA_DIR: needed with ENGINE=duix')
  return {
    kind: 'duix',
    url: (env.DUIX_URL ?? '').replace(/\/+$/, ''),
    dataDir: resolve(env.DUIX_DATA_DIR ?? ''),
    filesUrl: env.DUIX_FILES_URL,
    restartCommand: readCommand('DUIX_RESTART_COMMAND', env.DUIX_RESTART_COMMAND, problems),
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object)
  }
  return Object.freeze(value)
}
