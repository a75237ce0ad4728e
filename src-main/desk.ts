// The desk without a window: ledger, submitter and servers, built the same for the app and the command line.
import { mkdir } from 'node:fs/promises'
import type { DeskHome } from './desk-home'
import { DeskError } from '../src-shared/errors'
import { parseServerAddress } from '../src-shared/settings'
import type { LocalService } from './local-service'
import { machineCode } from './machine-code'
import { createPowerWatcher } from './submitter/hub-client'
import { openJobStore, type JobStore } from './submitter/job-store'
import type { Servers } from './submitter/servers'
import { createSlots } from './submitter/slots'
import { createSubmitter, type Submitter } from './submitter/submitter'

/** What the settings come to at this moment. Addresses as typed; both '' means the built-in service. */
export interface ServerChoice {
  readonly apiUrl: string
  readonly gpuUrl: string
  readonly licenseKey: string
  readonly apiSecret: string
  readonly gpuSecret: string
  /** A secret that is stored but cannot be decrypted here. */
  readonly secretUnreadable: boolean
}

export interface DeskDeps {
  readonly home: DeskHome
  readonly env: NodeJS.ProcessEnv
  readonly serverChoice: () => ServerChoice
  readonly localService: LocalService
  readonly hashWorkerUrl: URL
  /** See RunDeps: a window waits for a machine that is off; a command that a script waits for does not wait for ever. */
  readonly waitForGpu: boolean
  readonly logFault: (jobId: string, thrown: unknown) => void
}

export interface Desk {
  readonly store: JobStore
  readonly submitter: Submitter
  readonly servers: (signal: AbortSignal) => Promise<Servers>
  readonly close: () => Promise<void>
}

export const usesBuiltInService = ({ apiUrl, gpuUrl }: Pick<ServerChoice, 'apiUrl' | 'gpuUrl'>): boolean => apiUrl.trim() === '' && gpuUrl.trim() === ''

export async function openDesk(deps: DeskDeps): Promise<Desk> {
  await mkdir(deps.home.dir, { recursive: true, mode: 0o700 })
  const code = await machineCode(deps.home.machineCode, deps.env)
  const servers = async (signal: AbortSignal): Promise<Servers> => {
    const choice = deps.serverChoice()
    if (usesBuiltInService(choice)) return { ...(await deps.localService.ensure(signal)), machineCode: code }
    if (choice.secretUnreadable) throw new DeskError('secret_unreadable')
    return {
      apiUrl: wholeAddress('api', choice.apiUrl),
      gpuUrl: wholeAddress('gpu', choice.gpuUrl),
      licenseKey: choice.licenseKey,
      apiSecret: choice.apiSecret,
      gpuSecret: choice.gpuSecret,
      machineCode: code,
    }
  }
  const store = openJobStore(deps.home.ledger)
  const submitter = createSubmitter({
    store,
    servers,
    hashWorkerUrl: deps.hashWorkerUrl,
    transferSlots: createSlots(1),
    watchPower: createPowerWatcher(),
    waitForGpu: deps.waitForGpu,
    logFault: deps.logFault,
  })
  return {
    store,
    submitter,
    servers,
    close: async () => {
      await submitter.stop()
      await deps.localService.stop()
      store.close()
    },
  }
}

function wholeAddress(server: 'api' | 'gpu', typed: string): string {
  const address = parseServerAddress(typed)
  if (address === null) throw new DeskError('address_malformed', { server, address: typed })
  return address
}
