// The backend's entry: reads the configuration, starts the roles that were named, says on stdout in one line of JSON
// where they listen, and stops cleanly. Everything else it says goes to stderr.
import { ConfigProblems, readConfig, type Config } from './config'
import { startGpuRole } from './gpu/gpu-role'
import type { RunningRole } from './listen'
import { createLog, reasonOf, type Log } from './log'
import { watchParent } from './parent'

/** Whoever asked for the end waits at most this long; what is not closed by then is found in order at the next start. */
const stopLimitMs = 2500

await main()

async function main(): Promise<void> {
  const log = createLog((line) => process.stderr.write(line))
  const config = readConfigOrExit()
  const running: RunningRole[] = []
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
  try {
    const ready = await start(config, log, running)
    process.stdout.write(`${JSON.stringify(ready)}\n`)
    watchParent({ ready, exitWithParent: config.exitWithParent, onParentGone: stop })
  } catch (error) {
    log.error('start_failed', { reason: reasonOf(error) })
    process.exit(1)
  }
}

async function start(config: Config, log: Log, running: RunningRole[]): Promise<object> {
  let gpuUrl: string | undefined
  if (config.roles.includes('gpu')) {
    const role = await startGpuRole(config, log)
    running.push(role)
    gpuUrl = role.url
  }
  return { event: 'ready', roles: config.roles, ...(gpuUrl !== undefined && { gpuUrl }) }
}

function readConfigOrExit(): Config {
  try {
    return readConfig(process.argv.slice(2), process.env)
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error
    for (const problem of error.problems) process.stderr.write(`${problem}\n`)
    return process.exit(2)
  }
}
