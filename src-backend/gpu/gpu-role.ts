// The gpu role put together: files, tasks, engine, worker and HTTP server, in the order in which they need one another.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config'
import { listen, type RunningRole } from '../listen'
import type { Log } from '../log'
import { DuixClient } from './duix-client'
import { serveDuixFiles } from './duix-files'
import { DuixFolder, duixTempDir } from './duix-folder'
import { DuixRuns } from './duix-runs'
import type { Engine } from './engine'
import { DuixEngine, duixTimes } from './engine-duix'
import { MuxEngine } from './engine-mux'
import { FileStore } from '../files/file-store'
import { keepFiles } from '../files/keep-files'
import { createInputSource, fetchTimes, filesUrlOf } from './fetch-input'
import { hubLinkTimes, runHubLink } from './hub-link'
import { ResultStore } from './result-store'
import { createGpuServer } from './server'
import { TaskTable } from './task-table'
import { runWorker } from './worker'

const prepareAgainMs = 5000
const uploadIdleMs = 120_000
/** It answers slowly while it renders. */
const duixRequestMs = 45_000
/** A result that does not grow for so long is complete. */
const duixStableMs = 1500

/** Where tasks come from besides HTTP. */
export interface HubAccess {
  readonly url: string
  readonly secret: string
}

export async function startGpuRole(config: Config, hub: HubAccess | undefined, log: Log): Promise<RunningRole> {
  const dir = join(config.dataDir, 'gpu')
  await mkdir(dir, { recursive: true })
  const files = await FileStore.open(config.files.dir)
  const results = await ResultStore.open(join(dir, 'results'))
  const tasks = await TaskTable.open(join(dir, 'tasks.jsonl'), log)
  const { engine, close: closeEngine } = await openEngine(config, dir, log)
  const server = createGpuServer({
    engine,
    files,
    results,
    tasks,
    log,
    secret: config.gpu.secret,
    uploadLimits: { maxBytes: config.files.maxUploadBytes, idleMs: uploadIdleMs },
  })
  const stopping = new AbortController()
  const { signal } = stopping
  const url = await listen(server, config.host, config.gpu.port)
  let link: Promise<void> | undefined
  const onEngineReady = (): void => {
    // Not before this server answers and can render: the hub sends work at once.
    if (hub && !link) link = runHubLink({ engine, files, fetchesInputs: true, results, tasks, log, times: hubLinkTimes, ...hub }, signal)
  }
  const inputs = hub && createInputSource({ files, url: filesUrlOf(hub.url), secret: hub.secret, log, times: fetchTimes })
  const working = runWorker({ engine, files, inputs, results, tasks, log, onEngineReady, prepareAgainMs }, signal)
  const keeping = keepFiles({ files, ttlMs: config.files.ttlMs, log, needed: async () => tasks.neededInputs() }, signal)
  return {
    url,
    async close() {
      stopping.abort()
      await Promise.all([working, link, keeping, server.close()])
      await closeEngine()
      await tasks.close()
    },
  }
}

interface OpenEngine {
  readonly engine: Engine
  readonly close: () => Promise<void>
}

async function openEngine({ gpu, tools }: Config, dir: string, log: Log): Promise<OpenEngine> {
  if (gpu.engine.kind === 'mux') return { engine: new MuxEngine(tools), close: () => Promise.resolve() }
  const { url, dataDir, filesUrl, restartCommand } = gpu.engine
  const files = filesUrl === undefined ? undefined : await serveDuixFiles(duixTempDir(dataDir), filesUrl)
  const client = new DuixClient(url, duixRequestMs)
  const folder = new DuixFolder(dataDir, tools, files?.url, duixStableMs)
  const runs = new DuixRuns(join(dir, 'duix'))
  return {
    engine: new DuixEngine({ client, folder, runs, times: duixTimes, restartCommand, log }),
    close: async () => files?.close(),
  }
}
