// An order for a task, whichever way it came: over HTTP or from the hub. The same order gets the same task.
import type { Engine } from './engine'
import type { FileStore } from '../files/file-store'
import type { ResultStore } from './result-store'
import type { GpuTask, TaskOrder, TaskTable } from './task-table'

export interface OrderParts {
  readonly engine: Engine
  readonly files: FileStore
  readonly results: ResultStore
  readonly tasks: TaskTable
  /** The hub's tasks need not have their inputs here yet: the worker fetches them. */
  readonly fetchesInputs?: boolean
}

/** An input that nobody uploaded. */
export class InputMissing extends Error {}

/** The same client id with other files: one of the two would get the other's video. */
export class OrderConflict extends Error {}

export interface TakenOrder {
  readonly task: GpuTask
  /** A new task whose result is there already. */
  readonly cached: boolean
}

/** Rejects with InputMissing or OrderConflict. */
export async function takeOrder(parts: OrderParts, order: TaskOrder): Promise<TakenOrder> {
  const { files, tasks, results, engine } = parts
  const { audioHash, videoHash } = order.inputs
  const existing = await tasks.findFor(order)
  if (existing) {
    const same = existing.inputs.audioHash === audioHash && existing.inputs.videoHash === videoHash
    if (!same) throw new OrderConflict('this client_task_id was used for other files')
    return { task: (await isToRunAgain(parts, order, existing)) ? await tasks.requeue(existing) : existing, cached: false }
  }
  if (fetches(parts, order)) return { task: await tasks.add(order), cached: false }
  // The audio is looked for first, as the deployed server does.
  if (!(await files.use(audioHash))) throw new InputMissing(`the audio file is not on the server: ${audioHash}`)
  if (!(await files.use(videoHash))) throw new InputMissing(`the video file is not on the server: ${videoHash}`)
  const resultKey = results.keyOf(order.inputs, engine.version)
  const cached = await results.has(resultKey)
  return { task: await tasks.add(order, cached ? resultKey : undefined), cached }
}

const fetches = ({ fetchesInputs }: OrderParts, order: TaskOrder): boolean => fetchesInputs === true && order.hubId !== undefined

/** Its result has gone since; or it ended for want of its files, and may find them now. */
async function isToRunAgain(parts: OrderParts, order: TaskOrder, { state }: GpuTask): Promise<boolean> {
  if (state.kind === 'done') return !(await parts.results.has(state.resultKey))
  if (state.kind === 'cancelled') return true
  if (state.kind !== 'failed' || state.code !== 'input_missing') return false
  if (fetches(parts, order)) return true
  const found = await Promise.all([parts.files.use(order.inputs.audioHash), parts.files.use(order.inputs.videoHash)])
  return found.every((file) => file !== undefined)
}
