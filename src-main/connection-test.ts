// "Test connection": each thing a job needs, asked for on its own, with its time and what is wrong.
import type { ConnectionCheck } from '../src-shared/bridge-contract'
import { apiHeaders, apiPaths } from '../src-shared/api-contract'
import { DeskError, toDeskError } from '../src-shared/errors'
import { createApiClient } from './submitter/api-client'
import { checkOutputFolder } from './submitter/download-result'
import { createGpuClient } from './submitter/gpu-client'
import { hostOf, isSilent, requestJson } from './submitter/json-request'
import { Stopped } from './submitter/retry'
import type { ServerMemory, Servers } from './submitter/servers'

/** All in all the person waits no longer than this. */
const limitMs = 5_000

class Asleep extends Error {
  override readonly name = 'Asleep'
}

type CheckName = ConnectionCheck['check']

export async function testConnection(servers: (signal: AbortSignal) => Promise<Servers>, memory: ServerMemory, prepareOutput: () => Promise<string>): Promise<ConnectionCheck[]> {
  const signal = AbortSignal.timeout(limitMs)
  const known = await servers(signal).catch(toDeskError)
  const output: Check[] = [['output_folder', '', async () => checkOutputFolder(await prepareOutput())]]
  if (known instanceof DeskError) {
    const failing = known
    const fail = (): never => {
      throw failing
    }
    const chains: readonly Check[][] = known.detail['server'] === 'gpu' ? [[['gpu_reachable', '', fail]]] : [[['api_reachable', '', fail]]]
    return (await Promise.all([...chains, output].map((chain) => inOrder(chain)))).flat()
  }
  const [apiHost, gpuHost] = [hostOf(known.apiUrl), hostOf(known.gpuUrl)]
  const [api, gpu] = [createApiClient(known, memory), createGpuClient(known)]
  // Without a license every route answers, with a refusal: that is enough to know that the API is there.
  const askApi = (): Promise<unknown> =>
    requestJson({ server: 'api', method: 'GET', baseUrl: known.apiUrl, path: apiPaths.status, headers: { [apiHeaders.machineCode]: known.machineCode }, timeoutMs: limitMs, signal })
  const askEngine = async (): Promise<void> => {
    const health = await gpu.health(signal)
    if (!health.initialized) throw new DeskError('engine_not_ready', { server: 'gpu', host: gpuHost, said: health.said })
  }
  const askGpu = async (): Promise<void> => {
    try {
      await gpu.health(signal)
    } catch (thrown) {
      // An API that keeps files is one that queues tasks for a machine that is off.
      const queues = thrown instanceof DeskError && isSilent(thrown) ? await api.capabilities(signal).catch(() => null) : null
      throw queues?.storesFiles === true ? new Asleep() : thrown
    }
  }
  const chains: readonly Check[][] = [
    [
      ['api_reachable', apiHost, askApi],
      ['api_license', apiHost, () => api.checkLicense(signal)],
    ],
    [
      ['gpu_reachable', gpuHost, askGpu],
      ['gpu_secret', gpuHost, () => gpu.checkFiles([], signal)],
      ['gpu_ready', gpuHost, askEngine],
    ],
    output,
  ]
  return (await Promise.all(chains.map((chain) => inOrder(chain)))).flat()
}

type Check = readonly [name: CheckName, target: string, ask: () => Promise<unknown>]

/** The checks one after the other; after the first that cannot be answered the rest is skipped. */
async function inOrder(checks: readonly Check[]): Promise<ConnectionCheck[]> {
  const done: ConnectionCheck[] = []
  for (const [name, target, ask] of checks) {
    done.push(done.some(({ outcome }) => outcome === 'failed' || outcome === 'asleep') ? result(name, 'skipped', 0, target, null) : await check(name, target, ask))
  }
  return done
}

async function check(name: CheckName, target: string, ask: () => Promise<unknown>): Promise<ConnectionCheck> {
  const startedMs = Date.now()
  try {
    await ask()
    return result(name, 'ok', Date.now() - startedMs, target, null)
  } catch (thrown) {
    if (thrown instanceof Asleep) return result(name, 'asleep', Date.now() - startedMs, target, null)
    const server = name.startsWith('api') ? 'api' : 'gpu'
    const error = thrown instanceof Stopped ? new DeskError('server_timeout', { server, host: target }) : toDeskError(thrown)
    return result(name, 'failed', Date.now() - startedMs, target, error)
  }
}

const result = (name: CheckName, outcome: ConnectionCheck['outcome'], tookMs: number, target: string, error: DeskError | null): ConnectionCheck => ({
  check: name,
  outcome,
  tookMs,
  target,
  error: error?.toData() ?? null,
})
