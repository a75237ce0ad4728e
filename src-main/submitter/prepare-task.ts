// From picked files to a task that the server has accepted: read, hash, place the inputs, submit. Every step first asks
// whether it is already done; with the GPU machine off the inputs go to the API's store, or later.
import { DeskError } from '../../src-shared/errors'
import type { InputFile, Job, JobEvent } from '../../src-shared/job'
import type { ApiClient } from './api-client'
import type { GpuClient } from './gpu-client'
import { hashFiles } from './hash-files'
import { isSilent } from './json-request'
import { readInput, statFile } from './media-probe'
import { retrying, type Backoff } from './retry'
import type { Slots } from './slots'
import { submitTask } from './submit-task'
import { uploadMissing } from './upload-file'

/** What every part of one run of a job needs. */
export interface Run {
  readonly current: { job: Job }
  readonly tell: (event: JobEvent) => void
  readonly gpu: () => Promise<GpuClient>
  readonly api: () => Promise<ApiClient>
  readonly signal: AbortSignal
  readonly hashWorkerUrl: URL
  readonly transferSlots: Slots
  /** How long a step, and the loading of the engine, is given. */
  readonly backoff: { readonly step: Backoff; readonly engine: Backoff }
}

export interface HashedFiles {
  readonly video: InputFile & { readonly md5: string }
  readonly audio: InputFile & { readonly md5: string }
}

/**
 * Where the inputs are: on the GPU server, in the API's store (the worker fetches them), nowhere yet since the machine is
 * off and the API keeps none, or not known since an earlier run submitted the task.
 */
export type Placed = 'gpu' | 'api' | 'later' | 'earlier'

/** One lost reply is no machine that is off; more than a second is not spent on finding out. */
const offBackoff: Backoff = { tries: 2, firstDelayMs: 500, maxDelayMs: 500 }

export async function prepareTask(run: Run): Promise<{ readonly files: HashedFiles; readonly placed: Placed }> {
  const { current, tell, gpu, api, signal, backoff } = run
  const known = hashedFiles(current.job)
  // The task is there: what lies on this disk no longer matters to it.
  if (current.job.taskId !== null && known !== null) return { files: known, placed: 'earlier' }
  const giveBack = await run.transferSlots.take(signal)
  try {
    await refreshInputs(run)
    await hashInputs(run)
    const files = hashedFiles(current.job)
    if (files === null) throw new DeskError('internal')
    const gpuIsUp = await untilEngineReady(run)
    // Before gigabytes are sent, not after.
    await retrying(async () => (await api()).checkLicense(signal), signal, backoff.step)
    const placed = gpuIsUp ? 'gpu' : (await apiStoresFiles(run)) ? 'api' : 'later'
    if (placed === 'gpu') await uploadMissing(files, gpu, tell, signal, backoff.step)
    if (placed === 'api') await uploadMissing(files, async () => (await api()).files, tell, signal, backoff.step)
    await submitTask(current.job, api, tell, signal, backoff.step)
    return { files, placed }
  } finally {
    giveBack()
  }
}

export const apiStoresFiles = ({ api, signal, backoff }: Run): Promise<boolean> =>
  retrying(async () => (await (await api()).capabilities(signal))?.storesFiles ?? false, signal, backoff.step)

/** True when the engine is ready; false when the GPU server does not answer, as while its machine is off. */
async function untilEngineReady({ gpu, signal, backoff }: Run): Promise<boolean> {
  const askHealth = async (): Promise<void> => {
    const health = await (await gpu()).health(signal)
    if (health.ffmpegMissing) throw new DeskError('ffmpeg_missing')
    if (!health.initialized) throw new DeskError('engine_not_ready', { server: 'gpu', said: health.said })
  }
  try {
    await retrying(askHealth, signal, { ...offBackoff, firstDelayMs: Math.min(offBackoff.firstDelayMs, backoff.step.firstDelayMs) })
    return true
  } catch (thrown) {
    if (!(thrown instanceof DeskError)) throw thrown
    if (isSilent(thrown)) return false
    // A service that answers but loads its model is given its time; one that says why it cannot is not.
    if (thrown.code === 'engine_not_ready' && thrown.detail['said'] === '') await retrying(askHealth, signal, backoff.engine)
    else if (thrown.transient) await retrying(askHealth, signal, backoff.step)
    else throw thrown
    return true
  }
}

/** Reads again what changed since it was picked; its old hash and task no longer count. */
async function refreshInputs({ current, tell }: Run): Promise<void> {
  const refresh = async (file: InputFile, role: 'video' | 'audio'): Promise<InputFile> => {
    const now = await statFile(file.path)
    return now.sizeBytes === file.sizeBytes && now.mtimeMs === file.mtimeMs ? file : readInput(file.path, role)
  }
  const video = await refresh(current.job.video, 'video')
  const audio = await refresh(current.job.audio, 'audio')
  if (video !== current.job.video || audio !== current.job.audio) tell({ type: 'inputsRead', video, audio })
}

async function hashInputs({ current, tell, signal, hashWorkerUrl }: Run): Promise<void> {
  const { video, audio } = current.job
  const [videoMd5 = '', audioMd5 = ''] = await hashFiles([video, audio], hashWorkerUrl, (progress) => tell({ type: 'hashProgressed', progress }), signal)
  if (video.md5 !== videoMd5 || audio.md5 !== audioMd5) tell({ type: 'hashed', videoMd5, audioMd5 })
}

function hashedFiles({ video, audio }: Job): HashedFiles | null {
  if (video.md5 === null || audio.md5 === null) return null
  return { video: { ...video, md5: video.md5 }, audio: { ...audio, md5: audio.md5 } }
}
