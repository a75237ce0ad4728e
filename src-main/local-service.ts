// The built-in backend: started when the first job needs it, shared by the app and the command line of one home folder,
// started again when it has died. Knows no Electron: how the program is launched is passed in.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { ServiceView } from '../src-shared/bridge-contract'
import { DeskError, toDeskError } from '../src-shared/errors'
import { createApiClient } from './submitter/api-client'
import { pause } from './submitter/retry'
import type { Servers } from './submitter/servers'

/** A started backend program. `firstLine` is what it says on stdout when it listens. */
export interface LaunchedService {
  readonly pid: number
  readonly firstLine: Promise<string>
  /** Ends with the program; `said` is the end of what it said on stderr. */
  readonly exited: Promise<{ readonly code: number | null; readonly said: string }>
  readonly stop: () => void
}

export type LaunchService = (args: readonly string[], env: NodeJS.ProcessEnv) => LaunchedService

export interface LocalService {
  /** Where the service listens; starts it if it does not run. Throws service_failed or ffmpeg_missing. */
  readonly ensure: (signal: AbortSignal) => Promise<Omit<Servers, 'machineCode'>>
  readonly view: () => ServiceView
  readonly onChange: (listener: (view: ServiceView) => void) => () => void
  readonly stop: () => Promise<void>
}

const keysSchema = z.object({ licenseKey: z.string().min(16), gpuSecret: z.string().min(16), workerSecret: z.string().min(16) })
const readySchema = z.object({ apiUrl: z.string(), gpuUrl: z.string() })
const runningSchema = readySchema.extend({ pid: z.number() })
type Addresses = z.infer<typeof readySchema>
type Keys = z.infer<typeof keysSchema>

const run = promisify(execFile)

const startLimitMs = 20_000

/** How the backend ends when another one has the same folder. */
const folderInUse = 3
class FolderInUse extends Error {
  override readonly name = 'FolderInUse'
}

export function createLocalService(serviceDir: string, launch: LaunchService, env: NodeJS.ProcessEnv): LocalService {
  const listeners = new Set<(view: ServiceView) => void>()
  let view: ServiceView = { kind: 'starting' }
  let own: { readonly launched: LaunchedService; readonly addresses: Promise<Addresses> } | null = null
  let stopping = false
  const notePath = join(serviceDir, 'running.json')

  const show = (next: ServiceView): void => {
    view = next
    for (const listener of listeners) listener(next)
  }

  const startOwn = async (keys: Keys): Promise<Addresses> => {
    show({ kind: 'starting' })
    await requireFfmpeg(env)
    const launched = launch(['all', '--exit-with-parent'], {
      ...pick(env, ['PATH', 'Path', 'HOME', 'USERPROFILE', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LANG', 'FFMPEG_PATH', 'FFPROBE_PATH', 'LD_LIBRARY_PATH']),
      HOST: '127.0.0.1',
      API_PORT: '0',
      GPU_PORT: '0',
      DATA_DIR: serviceDir,
      LICENSE_KEYS: keys.licenseKey,
      GPU_SECRET: keys.gpuSecret,
      WORKER_SECRET: keys.workerSecret,
      // The render worker is off until a job comes, and off again soon after the last one.
      GPU_PROVIDER: 'process',
      MONITOR_CHECK_MS: '1000',
      MONITOR_IDLE_MS: '60000',
      MONITOR_START_WAIT_MS: '30000',
      MONITOR_STOP_WAIT_MS: '10000',
      ENGINE: 'mux',
    })
    const addresses = firstAddresses(launched)
    own = { launched, addresses }
    void launched.exited.then(() => {
      if (own?.launched === launched) own = null
      if (!stopping) show({ kind: 'starting' })
    })
    try {
      const { apiUrl, gpuUrl } = await addresses
      await writePrivate(notePath, { pid: launched.pid, apiUrl, gpuUrl })
      return { apiUrl, gpuUrl }
    } catch (thrown) {
      launched.stop()
      own = null
      throw thrown
    }
  }

  /** Another program of this home folder may run it already. */
  const findRunning = async (keys: Keys, signal: AbortSignal): Promise<Addresses | null> => {
    const running = await readJson(notePath, runningSchema)
    if (running === null) return null
    try {
      // The API is always on, the worker mostly off. Under our license: by now the port may be another home's, whose
      // service is as healthy.
      const api = createApiClient({ ...running, licenseKey: keys.licenseKey, apiSecret: '', gpuSecret: '', machineCode: 'local' }, noMemory)
      await api.checkLicense(AbortSignal.any([signal, AbortSignal.timeout(2_000)]))
      return { apiUrl: running.apiUrl, gpuUrl: running.gpuUrl }
    } catch {
      return null
    }
  }

  const findOrStart = async (keys: Keys): Promise<Addresses> => {
    const signal = AbortSignal.timeout(startLimitMs)
    for (;;) {
      const running = await findRunning(keys, signal)
      if (running !== null) return running
      try {
        return await startOwn(keys)
      } catch (thrown) {
        // Another program of this home was quicker, and says in a moment where its service listens; or the last service
        // still ends, and then the folder is free.
        if (!(thrown instanceof FolderInUse)) throw thrown
        if (signal.aborted || stopping) throw new DeskError('service_failed', {}, thrown)
        await pause(200, signal).catch(() => undefined)
      }
    }
  }

  let ensuring: Promise<Addresses> | null = null
  const ensureRunning = async (keys: Keys): Promise<Addresses> => {
    // A start under way comes first: it may still turn out that the folder is another program's.
    if (ensuring === null && own !== null) return own.addresses
    ensuring ??= (async () => {
      if (stopping) throw new DeskError('service_failed')
      return findOrStart(keys)
    })().finally(() => (ensuring = null))
    return ensuring
  }

  return {
    view: () => view,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async ensure() {
      try {
        const keys = await loadKeys(serviceDir)
        const addresses = await ensureRunning(keys)
        if (view.kind !== 'running') show({ kind: 'running', engine: 'mux' })
        return { ...addresses, licenseKey: keys.licenseKey, apiSecret: '', gpuSecret: keys.gpuSecret }
      } catch (thrown) {
        const error = thrown instanceof DeskError ? thrown : new DeskError('service_failed', {}, thrown)
        show({ kind: 'failed', error: toDeskError(error).toData() })
        throw error
      }
    },
    async stop() {
      stopping = true
      const launched = own?.launched
      if (launched === undefined) return
      // Before its end, so that nobody who comes meanwhile is sent to it; and only the note of its own.
      if ((await readJson(notePath, runningSchema))?.pid === launched.pid) await rm(notePath, { force: true })
      launched.stop()
      await launched.exited
    },
  }
}

const noMemory = { apiTakesSecret: () => null, rememberApiTakesSecret: () => undefined }

/** Asked before the service is started, so that installing it is enough: the next start looks for it again. */
async function requireFfmpeg(env: NodeJS.ProcessEnv): Promise<void> {
  for (const [name, program] of [
    ['FFMPEG_PATH', 'ffmpeg'],
    ['FFPROBE_PATH', 'ffprobe'],
  ] as const) {
    await run(env[name] || program, ['-version'], { env, timeout: 10_000, windowsHide: true }).catch((thrown: unknown) => {
      throw new DeskError('ffmpeg_missing', {}, thrown)
    })
  }
}

/** The line that says where the service listens; service_failed when it ends or stays silent instead. */
async function firstAddresses(launched: LaunchedService): Promise<Addresses> {
  let timer: NodeJS.Timeout | undefined
  try {
    const line = await Promise.race([
      launched.firstLine,
      launched.exited.then(({ code, said }) => {
        throw code === folderInUse ? new FolderInUse() : new DeskError('service_failed', { said: lastReason(said) })
      }),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new DeskError('service_failed')), startLimitMs)
      }),
    ])
    return readySchema.parse(JSON.parse(line))
  } catch (thrown) {
    throw thrown instanceof DeskError || thrown instanceof FolderInUse ? thrown : new DeskError('service_failed', {}, thrown)
  } finally {
    clearTimeout(timer)
  }
}

/** Why it ended, from its last line of log; people need no more of it. */
function lastReason(said: string): string {
  const line = said.trim().split('\n').at(-1) ?? ''
  try {
    return z.object({ reason: z.string() }).parse(JSON.parse(line)).reason
  } catch {
    return line.slice(0, 300)
  }
}

/** Made once and kept: tasks belong to the license, and must be found again after a restart. */
async function loadKeys(serviceDir: string): Promise<Keys> {
  const path = join(serviceDir, 'keys.json')
  const kept = await readJson(path, keysSchema)
  if (kept !== null) return kept
  const random = (): string => randomBytes(24).toString('base64url')
  // Of two programs that make them at once, the first file that is there whole counts for both.
  const draft = `${path}.${process.pid}`
  await writePrivate(draft, { licenseKey: `local-${random()}`, gpuSecret: random(), workerSecret: random() })
  await link(draft, path).catch(async (thrown: unknown) => {
    // A file that is there but does not parse is replaced; so is none where the file system knows no links.
    const theirs = (thrown as NodeJS.ErrnoException).code === 'EEXIST' ? await readJson(path, keysSchema) : null
    if (theirs === null) await rename(draft, path)
  })
  await rm(draft, { force: true })
  const keys = await readJson(path, keysSchema)
  if (keys === null) throw new DeskError('service_failed')
  return keys
}

async function readJson<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | null> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return null
  }
}

async function writePrivate(path: string, value: unknown): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 })
  await writeFile(path, JSON.stringify(value), { mode: 0o600 })
  await chmod(path, 0o600)
}

const pick = (env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv =>
  Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
