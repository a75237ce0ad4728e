// The api role put together: licenses, store, queue, HTTP server and hub.
import { join } from 'node:path'
import type { Config } from '../config'
import { FileStore } from '../files/file-store'
import { keepFiles } from '../files/keep-files'
import { listen, type RunningRole } from '../listen'
import { reasonOf, type Log } from '../log'
import type { Exchange } from './exchange'
import { MemoryExchange } from './exchange-memory'
import { RedisExchange } from './exchange-redis'
import { openHub } from './hub'
import { hubTimes } from './hub-peer'
import { inputsThere, neededInputs } from './input-routes'
import type { Licenses } from './licenses'
import { PowerDesk } from './power-desk'
import { Redis } from './redis'
import { createApiServer } from './server'
import type { TaskStore } from './store'
import { MemoryTaskStore } from './store-memory'
import { RedisTaskStore } from './store-redis'
import { queueTimes } from './queue-parts'
import { TaskQueue } from './task-queue'

const uploadIdleMs = 120_000

export async function startApiRole(
  config: Config,
  licenses: Licenses,
  secrets: { readonly worker: string; readonly monitor: string | undefined },
  log: Log,
): Promise<RunningRole> {
  if (licenses.count === 0) log.warn('no_licenses', { effect: 'every submit is refused' })
  const { store, exchange, release } = await openServices(config, log)
  const files = await FileStore.open(config.files.dir)
  const power = new PowerDesk({ exchange, log, now: Date.now })
  const { leaseMs, queueTtlMs, queueLimit } = config.api
  const queue = new TaskQueue({
    ...{ store, exchange, log, now: Date.now },
    times: { ...queueTimes, leaseMs, queueTtlMs },
    waitingLimit: queueLimit,
    inputsThere: (wanted) => inputsThere(files, wanted),
  })
  files.subscribe((hash) => {
    queue.inputsCame([hash]).catch((error: unknown) => {
      log.warn('inputs_not_told', { reason: reasonOf(error) })
    })
  })
  const inputs = { files, limits: { maxBytes: config.files.maxUploadBytes, idleMs: uploadIdleMs } }
  const server = createApiServer({ licenses, queue, power, inputs, workerSecret: secrets.worker, log })
  const hub = openHub(server.server, {
    ...{ queue, exchange, power, licenses, log, times: hubTimes },
    workerSecret: secrets.worker,
    monitorSecret: secrets.monitor,
  })
  const stopping = new AbortController()
  const keeping = keepFiles({ files, ttlMs: config.files.ttlMs, log, needed: () => neededInputs(store) }, stopping.signal)
  const url = await listen(server, config.host, config.api.port)
  return {
    url,
    async close() {
      stopping.abort()
      await keeping
      await hub.close()
      await server.close()
      await queue.close()
      await exchange.close()
      await store.close()
      release()
    },
  }
}

/** One process alone keeps its tasks in a file; with Redis any number of processes serve one queue. */
async function openServices(
  { api, dataDir }: Config,
  log: Log,
): Promise<{ readonly store: TaskStore; readonly exchange: Exchange; readonly release: () => void }> {
  if (api.redisUrl === undefined) {
    const store = await MemoryTaskStore.open(join(dataDir, 'api'), log)
    return { store, exchange: new MemoryExchange(Date.now), release: () => undefined }
  }
  const redis = await Redis.open(api.redisUrl, log)
  return {
    store: new RedisTaskStore(redis, log),
    exchange: await RedisExchange.open(redis, log),
    release: () => {
      redis.close()
    },
  }
}
