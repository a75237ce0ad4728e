// The api role put together: licenses, store, queue, HTTP server and hub.
import { join } from 'node:path'
import type { Config } from '../config'
import { listen, type RunningRole } from '../listen'
import type { Log } from '../log'
import { hubTimes, openHub } from './hub'
import type { Licenses } from './licenses'
import { createApiServer } from './server'
import { MemoryTaskStore } from './store-memory'
import { TaskQueue } from './task-queue'

export async function startApiRole(
  config: Config,
  licenses: Licenses,
  workerSecret: string,
  log: Log,
): Promise<RunningRole> {
  if (licenses.count === 0) log.warn('no_licenses', { effect: 'every submit is refused' })
  const store = await MemoryTaskStore.open(join(config.dataDir, 'api'), log)
  const queue = await TaskQueue.open({ store, log, now: Date.now })
  const server = createApiServer({ licenses, queue, log })
  const hub = openHub(server.server, { queue, log, workerSecret, times: hubTimes })
  const url = await listen(server, config.host, config.api.port)
  return {
    url,
    async close() {
      await hub.close()
      await server.close()
      await queue.close()
      await store.close()
    },
  }
}
