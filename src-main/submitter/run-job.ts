// One job, its steps in order: prepare, follow, fetch. A first run, a retry and a resume after a restart are the same code.
import { DeskError, toDeskError } from '../../src-shared/errors'
import type { Job, JobEvent } from '../../src-shared/job'
import { createApiClient } from './api-client'
import { checkOutputFolder, downloadResult } from './download-result'
import { followTask, type FollowTimes, type TaskEnd } from './follow-task'
import { createGpuClient } from './gpu-client'
import { isSilent } from './json-request'
import { apiStoresFiles, prepareTask, type HashedFiles, type Placed, type Run } from './prepare-task'
import { stepBackoff, Stopped, type Backoff } from './retry'
import type { ServerMemory, Servers, WakeMemory } from './servers'
import type { Slots } from './slots'
import { missingFiles, uploadMissing } from './upload-file'
import { createWake, throwIfHopeless, type PowerWatch, type Wake, type WakeTimes } from './wake-gpu'

export interface RunDeps {
  /** Where the servers are now; starts the built-in service when that is what is used. */
  readonly servers: (signal: AbortSignal) => Promise<Servers>
  readonly memory: ServerMemory & WakeMemory
  readonly hashWorkerUrl: URL
  /** Held from the first byte read to the submit: one job at a time uses disk and uplink. */
  readonly transferSlots: Slots
  /** Listens for news of the GPU machine's power while a job waits for it. */
  readonly watchPower: (servers: Servers) => PowerWatch
  /** True: a machine that nobody powers on is waited for and said to be off; false: that ends the run with gpu_off. */
  readonly waitForGpu: boolean
  readonly followTimes?: FollowTimes
  readonly wakeTimes?: WakeTimes
  /** How long a step, and the loading of the engine, is given. */
  readonly backoff?: { readonly step: Backoff; readonly engine: Backoff }
}

/** How often a lost task is submitted anew before the person is asked. */
const maxSubmissions = 3

/** Loading the engine's model takes 40–120 s after the service answers (engine-duix.md). */
const engineBackoff: Backoff = { tries: 40, firstDelayMs: 1_000, maxDelayMs: 5_000 }

/**
 * Brings the job to its result, reporting every event; `report` answers the job as it is after the event. Throws a
 * DeskError, or Stopped when the signal ends it.
 */
export async function runJob(job: Job, deps: RunDeps, report: (event: JobEvent) => Job, signal: AbortSignal): Promise<void> {
  const current = { job }
  const run: Run = {
    current,
    tell: (event) => void (current.job = report(event)),
    gpu: async () => createGpuClient(await deps.servers(signal)),
    api: async () => createApiClient(await deps.servers(signal), deps.memory),
    signal,
    hashWorkerUrl: deps.hashWorkerUrl,
    transferSlots: deps.transferSlots,
    backoff: deps.backoff ?? { step: stepBackoff, engine: engineBackoff },
  }
  await checkOutputFolder(job.outputDir)
  for (let submissions = 1; ; submissions++) {
    const { files, placed } = await prepareTask(run)
    const end = await follow(run, deps, files, placed)
    const problem = end.kind === 'done' ? await fetchResult(run, deps, end) : problemOf(end)
    if (problem === null) return
    // Whatever comes next asks for another task; this one is of no use any more.
    run.tell({ type: 'taskForgotten' })
    const again =
      problem.code === 'task_lost' || problem.code === 'result_gone' || (end.kind === 'failed' && (await missingFiles(files, run.gpu, signal, run.backoff.step)).length > 0)
    if (!again || submissions >= maxSubmissions) throw problem
  }
}

const problemOf = (end: Extract<TaskEnd, { kind: 'failed' | 'lost' }>): DeskError =>
  end.kind === 'lost' ? new DeskError('task_lost') : new DeskError('task_failed', { said: end.said })

const uselessResult: ReadonlySet<DeskError['code']> = new Set(['result_gone', 'result_not_media', 'result_no_video', 'result_no_audio', 'result_wrong_duration'])

/** Null when the result is here; the error when the task's result is no good. Throws what a retry with the same task may mend. */
async function fetchResult(run: Run, deps: RunDeps, end: Extract<TaskEnd, { kind: 'done' }>): Promise<DeskError | null> {
  const { current, gpu, tell, signal, backoff } = run
  for (;;) {
    try {
      tell({ type: 'finished', result: await downloadResult(current.job, end, gpu, tell, signal, backoff.step) })
      return null
    } catch (thrown) {
      const error = thrown instanceof Stopped ? null : toDeskError(thrown)
      if (error !== null && uselessResult.has(error.code)) return error
      if (error === null || !isSilent(error)) throw thrown
      // Rendered, and then the machine went off with the result on it: it is powered on once more.
      await wakeForResult(run, deps, end.taskId)
    }
  }
}

async function wakeForResult(run: Run, deps: RunDeps, taskId: string): Promise<void> {
  const { gpu, api, tell, signal } = run
  const wake = createWakeFor(deps, await deps.servers(signal))
  try {
    for (;;) {
      try {
        await (await gpu()).health(signal)
        return
      } catch (thrown) {
        if (!(thrown instanceof DeskError) || !isSilent(thrown)) throw thrown
      }
      // Throws where the API is silent too: then it is the network, not the machine.
      const status = await (await api()).status(taskId, signal)
      const event = wake.off(status?.power, true)
      tell(event)
      throwIfHopeless(event, deps.waitForGpu)
      await wake.nap(signal)
    }
  } finally {
    wake.close()
  }
}

const createWakeFor = (deps: RunDeps, servers: Servers): Wake =>
  createWake(() => deps.watchPower(servers), () => deps.memory.usualWakeMs(servers.gpuUrl), deps.wakeTimes)

async function follow(run: Run, deps: RunDeps, files: HashedFiles, placed: Placed): Promise<TaskEnd> {
  const { current, tell, gpu, api, signal, backoff } = run
  const servers = await deps.servers(signal)
  const askStored = async (): Promise<boolean> => {
    if (placed === 'api') return true
    if (placed === 'later' || !(await apiStoresFiles(run))) return false
    return (await missingFiles(files, async () => (await api()).files, signal, backoff.step)).length === 0
  }
  /** Asked once: what is stored stays there for as long as the task waits. */
  let stored: Promise<boolean> | null = null
  const inputsStored = (): Promise<boolean> => (stored ??= askStored())
  const sendLateInputs = async (): Promise<boolean> => {
    if (placed === 'gpu' || placed === 'api') return false
    if ((await missingFiles(files, gpu, signal, backoff.step)).length === 0 || (await inputsStored())) return false
    const giveBack = await deps.transferSlots.take(signal)
    try {
      await uploadMissing(files, gpu, tell, signal, backoff.step)
      return true
    } finally {
      giveBack()
    }
  }
  return followTask(
    { taskId: current.job.taskId ?? '', videoMd5: files.video.md5, audioMd5: files.audio.md5 },
    {
      clients: async () => ({ gpu: await gpu(), api: await api() }),
      wake: createWakeFor(deps, servers),
      knownOff: placed === 'api' || placed === 'later',
      inputsStored,
      sendLateInputs,
      woke: (tookMs) => deps.memory.rememberWake(servers.gpuUrl, tookMs),
      waitForever: deps.waitForGpu,
      ...(deps.followTimes ? { times: deps.followTimes } : {}),
    },
    tell,
    signal,
  )
}
