// The backend's entry: reads the configuration, starts the roles that were named, says on stdout in one line of JSON
// where they listen, and stops cleanly. Everything else it says goes to stderr.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hubPath } from '../src-shared/hub-contract'
import { startApiRole } from './api/api-role'
import { LicenseFileProblem, Licenses } from './api/licenses'
import { ConfigProblems, readConfig, type Config } from './config'
import { DataFolderInUse, lockDataFolder } from './data-lock'
import { startGpuRole } from './gpu/gpu-role'
import { createLog, reasonOf, type Log } from './log'
import { startMonitorRole } from './monitor/monitor-role'
import { tieToParent } from './parent'

/** Whoever asked for the end waits at most this long; what is not closed by then is found in order at the next start. */
const stopLimitMs = 2500

interface Closable {
  close(): Promise<void>
}

const exitCodes = { failed: 1, badConfig: 2, folderInUse: 3 } as const

await main()

async function main(): Promise<void> {
  // Whoever read what is said may have gone before us.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const log = createLog((line) => process.stderr.write(line))
  const { config, licenses } = readConfigOrExit()
  const running: Closable[] = []
  let stopping = false
  const stop = (reason: string): void => {
    if (stopping) return
    stopping = true
    log.info('stopping', { reason })
    setTimeout(() => process.exit(0), stopLimitMs).unref()
    Promise.all(running.map((role) => role.close()))
      .catch((error: unknown) => {
        log.error('stop_failed', { reason: reasonOf(error) })
      })
      .finally(() => process.exit(0))
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop(signal)
    })
  }
  const parent = tieToParent(config.exitWithParent, stop)
  try {
    // A folder for each role: the roles may be programs of their own on one machine.
    for (const role of config.roles) await lockDataFolder(join(config.dataDir, role))
    const ready = await start(config, licenses, log, running)
    process.stdout.write(`${JSON.stringify(ready)}\n`)
    parent.post(ready)
  } catch (error) {
    log.error('start_failed', { reason: reasonOf(error) })
    process.exit(error instanceof DataFolderInUse ? exitCodes.folderInUse : exitCodes.failed)
  }
}

async function start(config: Config, licenses: Licenses, log: Log, running: Closable[]): Promise<object> {
  const workerSecret = config.workerSecret ?? randomBytes(24).toString('hex')
  const monitorSecret = config.monitorSecret ?? randomBytes(24).toString('hex')
  let apiUrl: string | undefined
  let gpuUrl: string | undefined
  if (config.roles.includes('api')) {
    const role = await startApiRole(config, licenses, { worker: workerSecret, monitor: monitorSecret }, log)
    running.push(role)
    apiUrl = role.url
  }
  const hubUrl = config.gpu.hubUrl ?? (apiUrl && `${apiUrl.replace(/^http/, 'ws')}${hubPath}`)
  if (config.roles.includes('gpu')) {
    const hub = hubUrl === undefined ? undefined : { url: hubUrl, secret: workerSecret }
    const role = await startGpuRole(config, hub, log)
    running.push(role)
    gpuUrl = role.url
  }
  if (config.roles.includes('monitor') && hubUrl !== undefined) {
    const program = fileURLToPath(import.meta.url)
    const role = await startMonitorRole(config, { hubUrl, monitorSecret, workerSecret, program }, log)
    running.push(role)
    gpuUrl ??= role.gpuUrl
  }
  return {
    event: 'ready',
    roles: config.roles,
    ...(apiUrl !== undefined && { apiUrl }),
    ...(gpuUrl !== undefined && { gpuUrl }),
  }
}

/** Everything that can be wrong before anything is started, one line each. */
function readConfigOrExit(): { readonly config: Config; readonly licenses: Licenses } {
  try {
    const config = readConfig(process.argv.slice(2), process.env)
    return { config, licenses: Licenses.load(config.api) }
  } catch (error) {
    if (error instanceof ConfigProblems) for (const problem of error.problems) process.stderr.write(`${problem}\n`)
    else if (error instanceof LicenseFileProblem) process.stderr.write(`${error.message}\n`)
    else throw error
    return process.exit(exitCodes.badConfig)
  }
}
