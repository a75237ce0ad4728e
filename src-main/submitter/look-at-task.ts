// One look at a task: the GPU server is asked, and the API where the GPU server does not know or does not answer. What the
// deployed servers never say (an API status that ends, an id that a cache hit changed) is found out here.
import { createHash } from 'node:crypto'
import type { ApiStatus, PowerReply } from '../../src-shared/api-contract'
import { toDeskError, type DeskError } from '../../src-shared/errors'
import type { GpuProgress, GpuTaskStatus } from '../../src-shared/gpu-contract'
import type { ApiClient } from './api-client'
import type { GpuClient } from './gpu-client'
import { isSilent } from './json-request'
import { Stopped } from './retry'

export interface Followed {
  readonly taskId: string
  readonly audioMd5: string
  readonly videoMd5: string
}

/** The task as somebody knows it. Ids are those under which to ask next. */
export interface Sighting {
  readonly kind: 'seen'
  readonly taskId: string
  readonly status: GpuTaskStatus
  /** 0–100, as the server says. */
  readonly percent: number
  readonly totalFrames: number
  readonly currentFrame: number
  readonly position: number
  readonly engine: string | null
  readonly said: string
}

export type Look = {
  /** False: the GPU server does not answer at all, as one does whose machine is off. */
  readonly gpuAnswers: boolean
  /** What our own API says of the machine's power. */
  readonly power: PowerReply | undefined
} & (
  | Sighting
  /** Accepted once, and nobody says more than that. */
  | { readonly kind: 'unknown' }
  /** Those who should know it do not. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'silent'; readonly error: DeskError }
)

/** §1.2: the id under which the deployed GPU server files a result it already had. */
export const cacheKey = ({ audioMd5, videoMd5 }: Omit<Followed, 'taskId'>): string =>
  createHash('md5').update(`${audioMd5}_${videoMd5}`).digest('hex').slice(0, 16)

export async function lookAtTask(
  taskId: string,
  followed: Followed,
  clients: () => Promise<{ readonly gpu: GpuClient; readonly api: ApiClient }>,
  signal: AbortSignal,
): Promise<Look> {
  let gpuError: DeskError | null = null
  const about = (status?: ApiStatus): Pick<Look, 'gpuAnswers' | 'power'> => ({
    gpuAnswers: gpuError === null || !isSilent(gpuError),
    power: status?.power,
  })
  try {
    const { gpu } = await clients()
    const known = await gpu.progress(taskId, signal)
    if (known !== null) return { ...about(), ...gpuSighting(taskId, known) }
    // A cache hit behind the API is filed under the cache key only, and nobody is told (§8.3).
    const key = cacheKey(followed)
    const cached = key === taskId ? null : await gpu.progress(key, signal)
    if (cached?.status === 'done') return { ...about(), ...gpuSighting(key, cached) }
  } catch (thrown) {
    if (signal.aborted || thrown instanceof Stopped) throw new Stopped()
    gpuError = toDeskError(thrown)
    if (!gpuError.transient) return { ...about(), kind: 'silent', error: gpuError }
  }
  try {
    const { api } = await clients()
    const status = await api.status(taskId, signal)
    if (status === null) return gpuError === null ? { ...about(), kind: 'lost' } : { ...about(), kind: 'silent', error: gpuError }
    const neverUpdated = status.progress === undefined && (status.status === 'queued' || status.status === 'processing')
    // The deployed API writes its word once and never again: beside a GPU server that answers and does not know the task
    // it means nothing; beside one that is off, only `queued` does.
    if (neverUpdated && gpuError === null) return { ...about(status), kind: 'unknown' }
    if (neverUpdated && gpuError !== null && status.status === 'processing') return { ...about(status), kind: 'silent', error: gpuError }
    return { ...about(status), ...apiSighting(taskId, status) }
  } catch (thrown) {
    if (signal.aborted || thrown instanceof Stopped) throw new Stopped()
    return { ...about(), kind: 'silent', error: gpuError ?? toDeskError(thrown) }
  }
}

const gpuSighting = (taskId: string, seen: GpuProgress): Sighting => ({
  kind: 'seen',
  taskId,
  status: seen.status,
  percent: seen.progress,
  totalFrames: seen.total_frames,
  currentFrame: seen.current_frame,
  position: seen.queue_position,
  engine: seen.engine ?? null,
  said: seen.error || seen.message,
})

const apiSighting = (taskId: string, seen: ApiStatus): Sighting => ({
  kind: 'seen',
  taskId: seen.gpu_task_id ?? taskId,
  status: seen.status,
  percent: seen.progress ?? 0,
  totalFrames: seen.total_frames ?? 0,
  currentFrame: seen.current_frame ?? 0,
  position: seen.queue_position ?? 0,
  engine: seen.engine ?? null,
  said: seen.error ?? seen.message ?? '',
})
