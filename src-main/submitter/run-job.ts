// One job, its steps in order. Every step first asks whether it is already done, so that a first run, a retry and a
// resume after a restart are the same code.
import { DeskError, toDeskError } from '../../src-shared/errors'
import type { InputFile, Job, JobEvent } from '../../src-shared/job'
import { createApiClient, type ApiClient } from './api-client'
import { checkOutputFolder, downloadResult } from './download-result'
import { followTask, type FollowTimes, type TaskEnd } from './follow-task'
import { createGpuClient, type GpuClient } from './gpu-client'
import { hashFiles } from './hash-files'
import { isSilent } from './json-request'
import { readInput, statFile } from './media-probe'
import { retrying, Stopped } from './retry'
import type { ServerMemory, Servers } from './servers'
import type { Slots } from './slots'
import { submitTask } from './submit-task'
import { missingFiles, uploadMissing } from './upload-file'
import { createWake, type PowerWatch, type WakeTimes } from './wake-gpu'

export interface RunDeps {
  /** Where the servers are now; starts the built-in service when that is what is used. */
  readonly servers: (signal: AbortSignal) => Promise<Servers>
  readonly memory: ServerMemory
  readonly hashWorkerUrl: URL
  /** Held from the first byte read to the submit: one job at a time uses disk and uplink. */
  readonly transferSlots: Slots
  /** Listens for news of the GPU machine's power while a job waits for it. */
  readonly watchPower: (servers: Servers) => PowerWatch
  /** True: a machine that nobody powers on is waited for and said to be off; false: that ends the run with gpu_off. */
  readonly waitForGpu: boolean
  readonly followTimes?: FollowTimes
  readonly wakeTimes?: WakeTimes
}

/** How often a lost task is submitted anew before the person is asked. */
const maxSubmissions = 3

/** Loading the engine's model takes 40–120 s after the service answers (engine-duix.md). */
const engineBackoff = { tries: 40, firstDelayMs: 1_000, maxDelayMs: 5_000 }

/**
 * Brings the job to its result, reporting every event; `report` answers the job as it is after the event. Throws a
 * DeskError, or Stopped when the signal ends it.
 */
export async function runJob(job: Job, deps: RunDeps, report: (event: JobEvent) => Job, signal: AbortSignal): Promise<void> {
  const current = { job }
  const tell = (event: JobEvent): void => void (current.job = report(event))
  const gpu = async (): Promise<GpuClient> => createGpuClient(await deps.servers(signal))
  const api = async (): Promise<ApiClient> => createApiClient(await deps.servers(signal), deps.memory)
  const run: Run = { deps, current, tell, gpu, api, signal }

  await checkOutputFolder(job.outputDir)
  for (let submissions = 1; ; submissions++) {
    const { files, placed } = await prepare(run)
    const end = await followPrepared(run, files, placed)
    const problem = end.kind === 'done' ? await fetchResult(end) : problemOf(end)
    if (problem === null) return
    // Whatever comes next asks for another task; this one is of no use any more.
    tell({ type: 'taskForgotten' })
    const again = problem.code === 'task_lost' || problem.code === 'result_gone' || (end.kind === 'failed' && (await missingFiles(files, gpu, signal)).length > 0)
    if (!again || submissions >= maxSubmissions) throw problem
  }

  /** Null when the result is here; the error when the task's result is no good. Throws what a retry with the same task may mend. */
  async function fetchResult(end: Extract<TaskEnd, { kind: 'done' }>): Promise<DeskError | null> {
    try {
      tell({ type: 'finished', result: await downloadResult(current.job, end, gpu, tell, signal) })
      return null
    } catch (thrown) {
      const error = thrown instanceof Stopped ? null : toDeskError(thrown)
      if (error !== null && uselessResult.has(error.code)) return error
      throw thrown
    }
  }
}

const uselessResult: ReadonlySet<DeskError['code']> = new Set(['result_gone', 'result_not_media', 'result_no_video', 'result_no_audio', 'result_wrong_duration'])

const problemOf = (end: Extract<TaskEnd, { kind: 'failed' | 'lost' }>): DeskError =>
  end.kind === 'lost' ? new DeskError('task_lost') : new DeskError('task_failed', { said: end.said })

interface HashedFiles {
  readonly video: InputFile & { readonly md5: string }
  readonly audio: InputFile & { readonly md5: string }
}

/** What every part of one run needs. */
interface Run {
  readonly deps: RunDeps
  readonly current: { job: Job }
  readonly tell: (event: JobEvent) => void
  readonly gpu: () => Promise<GpuClient>
  readonly api: () => Promise<ApiClient>
  readonly signal: AbortSignal
}

/**
 * Where the inputs are: on the GPU server, in the API's store (the worker fetches them), nowhere yet since the machine is
 * off and the API keeps none, or not known since the task was submitted by an earlier run.
 */
type Placed = 'gpu' | 'api' | 'later' | 'earlier'

/** From picked files to a task that the server has accepted; nothing of it is done twice. */
async function prepare(run: Run): Promise<{ readonly files: HashedFiles; readonly placed: Placed }> {
  const { deps, current, tell, gpu, api, signal } = run
  const known = hashedFiles(current.job)
  // The task is there: what lies on this disk no longer matters to it.
  if (current.job.taskId !== null && known !== null) return { files: known, placed: 'earlier' }
  const giveBack = await deps.transferSlots.take(signal)
  try {
    await refreshInputs(current, tell)
    await hashInputs(current, deps, tell, signal)
    const files = hashedFiles(current.job)
    if (files === null) throw new DeskError('internal')
    const gpuIsUp = await untilEngineReady(run)
    // Before gigabytes are sent, not after.
    await retrying(async () => (await api()).checkLicense(signal), signal)
    const placed = gpuIsUp ? 'gpu' : (await apiStoresFiles(run)) ? 'api' : 'later'
    if (placed === 'gpu') await uploadMissing(files, gpu, tell, signal)
    if (placed === 'api') await uploadMissing(files, async () => (await api()).files, tell, signal)
    await submitTask(current.job, api, tell, signal)
    return { files, placed }
  } finally {
    giveBack()
  }
}

const apiStoresFiles = ({ api, signal }: Run): Promise<boolean> =>
  retrying(async () => (await (await api()).capabilities(signal))?.storesFiles ?? false, signal)

async function followPrepared(run: Run, files: HashedFiles, placed: Placed): Promise<TaskEnd> {
  const { deps, current, tell, gpu, api, signal } = run
  const servers = await deps.servers(signal)
  /** Asked once: what is stored stays there for as long as the task waits. */
  let stored: Promise<boolean> | null = null
  const inputsStored = (): Promise<boolean> => {
    stored ??= (async () => {
      if (placed === 'api') return true
      if (placed === 'later' || !(await apiStoresFiles(run))) return false
      return (await missingFiles(files, async () => (await api()).files, signal)).length === 0
    })()
    return stored
  }
  return followTask(
    { taskId: current.job.taskId ?? '', videoMd5: files.video.md5, audioMd5: files.audio.md5 },
    {
      clients: async () => ({ gpu: await gpu(), api: await api() }),
      wake: createWake(() => deps.watchPower(servers), () => deps.memory.usualWakeMs(servers.gpuUrl), deps.wakeTimes),
      knownOff: placed === 'api' || placed === 'later',
      inputsStored,
      sendLateInputs: async () => {
        if (placed === 'gpu' || placed === 'api') return false
        if ((await missingFiles(files, gpu, signal)).length === 0 || (await inputsStored())) return false
        const giveBack = await deps.transferSlots.take(signal)
        try {
          await uploadMissing(files, gpu, tell, signal)
          return true
        } finally {
          giveBack()
        }
      },
      woke: (tookMs) => deps.memory.rememberWake(servers.gpuUrl, tookMs),
      waitForever: deps.waitForGpu,
      ...(deps.followTimes ? { times: deps.followTimes } : {}),
    },
    tell,
    signal,
  )
}

/** True when the engine is ready; false when the GPU server does not answer, as while its machine is off. */
async function untilEngineReady({ gpu, signal }: Run): Promise<boolean> {
  try {
    await retrying(
      async () => {
        const health = await (await gpu()).health(signal)
        if (health.ffmpegMissing) throw new DeskError('ffmpeg_missing')
        if (!health.initialized) throw new DeskError('engine_not_ready', { server: 'gpu', said: health.said })
      },
      signal,
      // One lost reply is no machine that is off; more than a second is not spent on finding out.
      { tries: 2, firstDelayMs: 500, maxDelayMs: 500 },
    )
    return true
  } catch (thrown) {
    if (thrown instanceof DeskError && isSilent(thrown)) return false
    await waitForEngine(thrown, gpu, signal)
    return true
  }
}

/** A service that answers but loads its model is given its time; one that does not answer is not. */
async function waitForEngine(thrown: unknown, gpu: () => Promise<GpuClient>, signal: AbortSignal): Promise<void> {
  if (!(thrown instanceof DeskError) || thrown.code !== 'engine_not_ready' || thrown.detail['said'] !== '') throw thrown
  await retrying(
    async () => {
      if (!(await (await gpu()).health(signal)).initialized) throw thrown
    },
    signal,
    engineBackoff,
  )
}

/** Reads again what changed since it was picked; its old hash and task no longer count. */
async function refreshInputs(current: { job: Job }, tell: (event: JobEvent) => void): Promise<void> {
  const refresh = async (file: InputFile, role: 'video' | 'audio'): Promise<InputFile> => {
    const now = await statFile(file.path)
    return now.sizeBytes === file.sizeBytes && now.mtimeMs === file.mtimeMs ? file : readInput(file.path, role)
  }
  const video = await refresh(current.job.video, 'video')
  const audio = await refresh(current.job.audio, 'audio')
  if (video !== current.job.video || audio !== current.job.audio) tell({ type: 'inputsRead', video, audio })
}

async function hashInputs(current: { job: Job }, deps: RunDeps, tell: (event: JobEvent) => void, signal: AbortSignal): Promise<void> {
  const { video, audio } = current.job
  const [videoMd5 = '', audioMd5 = ''] = await hashFiles([video, audio], deps.hashWorkerUrl, (progress) => tell({ type: 'hashProgressed', progress }), signal)
  if (video.md5 !== videoMd5 || audio.md5 !== audioMd5) tell({ type: 'hashed', videoMd5, audioMd5 })
}

function hashedFiles({ video, audio }: Job): HashedFiles | null {
  if (video.md5 === null || audio.md5 === null) return null
  return { video: { ...video, md5: video.md5 }, audio: { ...audio, md5: audio.md5 } }
}
