// Runs the queued tasks on the engine, one after another, until it is told to stop. It decides nothing about a task's
// state: that is task-table.ts; what was cut short by the end of the process is found queued at the next start.
import { setTimeout as wait } from 'node:timers/promises'
import { reasonOf, type Log } from '../log'
import { EngineFailure, type Engine } from './engine'
import { InputNotThere, type InputSource } from './fetch-input'
import type { FileStore, StoredFile } from '../files/file-store'
import type { ResultStore } from './result-store'
import type { GpuTask, TaskTable } from './task-table'

export interface WorkerParts {
  readonly engine: Engine
  readonly files: FileStore
  /** Where inputs of the hub's tasks come from that were not sent here; undefined where there is no hub. */
  readonly inputs?: InputSource | undefined
  readonly results: ResultStore
  readonly tasks: TaskTable
  readonly log: Log
  readonly onEngineReady: () => void
  /** Between two tries to make the engine ready. */
  readonly prepareAgainMs: number
}

/** Ends when the signal aborts. */
export async function runWorker(parts: WorkerParts, signal: AbortSignal): Promise<void> {
  const { tasks } = parts
  let wake: () => void = () => undefined
  const unsubscribe = tasks.subscribe((task) => {
    if (task.state.kind === 'queued') wake()
  })
  const stop = (): void => {
    wake()
  }
  signal.addEventListener('abort', stop)
  try {
    while (!signal.aborted) {
      if (!(await engineReady(parts, signal))) continue
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      const task = tasks.next()
      if (task) await runTask(parts, task, signal)
      else if (!signal.aborted) await woken
    }
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', stop)
  }
}

async function engineReady({ engine, log, prepareAgainMs, onEngineReady }: WorkerParts, signal: AbortSignal): Promise<boolean> {
  if (engine.state().ready) return true
  try {
    await engine.prepare(signal)
    log.info('engine_ready', { engine: engine.name, version: engine.version })
    onEngineReady()
    return true
  } catch (error) {
    if (signal.aborted) return false
    log.warn('engine_not_ready', { engine: engine.name, reason: reasonOf(error) })
    await wait(prepareAgainMs, undefined, { signal }).catch(() => undefined)
    return false
  }
}

async function runTask(parts: WorkerParts, task: GpuTask, ending: AbortSignal): Promise<void> {
  const { engine, results, tasks, log } = parts
  const cancelling = new AbortController()
  const signal = AbortSignal.any([ending, cancelling.signal])
  const unsubscribe = tasks.subscribe(({ id, state }) => {
    if (id === task.id && state.kind === 'cancelled') cancelling.abort()
  })
  const resultKey = results.keyOf(task.inputs, engine.version)
  try {
    if (await results.has(resultKey)) {
      await tasks.finish(task.id, { resultKey, cached: true })
      return
    }
    const video = await inputOf(parts, task, 'video', signal)
    const audio = await inputOf(parts, task, 'audio', signal)
    signal.throwIfAborted()
    await tasks.start(task)
    log.info('task_started', { task: task.id, engine: engine.name })
    await engine.render({
      taskId: task.id,
      video: video.path,
      audio: audio.path,
      output: results.pathOf(resultKey),
      report: (progress) => {
        tasks.report(task.id, progress)
      },
      signal,
    })
    await tasks.finish(task.id, { resultKey, cached: false })
    log.info('task_done', { task: task.id })
  } catch (error) {
    if (signal.aborted) {
      if (cancelling.signal.aborted) log.info('task_cancelled', { task: task.id })
      return
    }
    const code = error instanceof EngineFailure ? error.code : error instanceof InputNotThere ? 'input_missing' : 'engine_failed'
    log.warn('task_failed', { task: task.id, code, reason: reasonOf(error) })
    await tasks.fail(task.id, code, reasonOf(error))
  } finally {
    unsubscribe()
  }
}

/** A task of the hub's that lacks a file goes back to the hub as `input_missing`, and waits there. */
async function inputOf({ files, inputs, tasks }: WorkerParts, task: GpuTask, which: 'audio' | 'video', signal: AbortSignal): Promise<StoredFile> {
  const hash = which === 'audio' ? task.inputs.audioHash : task.inputs.videoHash
  const file = await files.use(hash)
  if (file) return file
  if (inputs && task.hubId !== undefined) {
    tasks.markFetching(task.id)
    await inputs.fetch(hash, signal)
    const fetched = await files.use(hash)
    if (fetched) return fetched
  }
  throw new EngineFailure('input_missing', `the ${which} file is not on the server: ${hash}`)
}
