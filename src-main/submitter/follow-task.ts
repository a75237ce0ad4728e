// The following step: asks the GPU server, and the API where the GPU server does not know, until the task has ended.
// HTTP is truth; what the deployed servers never say (an API status that ends, an id that a cache hit changed) is found
// out here.
import { createHash } from 'node:crypto'
import { type DeskError, toDeskError } from '../../src-shared/errors'
import type { ApiStatus } from '../../src-shared/api-contract'
import type { GpuProgress, GpuTaskStatus } from '../../src-shared/gpu-contract'
import type { JobEvent, Progress } from '../../src-shared/job'
import type { ApiClient } from './api-client'
import type { GpuClient } from './gpu-client'
import { createProgressMeter } from './progress-meter'
import { pause, Stopped } from './retry'

export type TaskEnd =
  | { readonly kind: 'done'; readonly taskId: string; readonly engine: string | null }
  | { readonly kind: 'failed'; readonly said: string }
  /** Nobody knows the task: the GPU server restarted, or it was never run. */
  | { readonly kind: 'lost' }

export interface FollowTimes {
  /** Until the next look, by the time since following began: brisk at first, so that a short task is seen running. */
  readonly pollMs: (followedMs: number) => number
  /** Both servers silent for this long: given up, to be tried again by the person. */
  readonly silenceMs: number
  /** The GPU server answers but does not know the task, and the API says nothing better, for this long: lost. */
  readonly unknownMs: number
}

export const followTimes: FollowTimes = { pollMs: (followedMs) => (followedMs < 15_000 ? 500 : 1_500), silenceMs: 180_000, unknownMs: 60_000 }

interface Followed {
  readonly taskId: string
  readonly audioMd5: string
  readonly videoMd5: string
}

/** §1.2: the id under which the deployed GPU server files a result it already had. */
export const cacheKey = ({ audioMd5, videoMd5 }: Omit<Followed, 'taskId'>): string =>
  createHash('md5').update(`${audioMd5}_${videoMd5}`).digest('hex').slice(0, 16)

export async function followTask(
  followed: Followed,
  clients: () => Promise<{ readonly gpu: GpuClient; readonly api: ApiClient }>,
  report: (event: JobEvent) => void,
  signal: AbortSignal,
  times: FollowTimes = followTimes,
  now: () => number = Date.now,
): Promise<TaskEnd> {
  const meters = createRenderMeter(now)
  const startedMs = now()
  let { taskId } = followed
  let heardAtMs = now()
  let unknownSinceMs: number | null = null
  for (;;) {
    const look = await lookOnce(taskId, followed, clients, signal)
    if (look.kind === 'silent') {
      if (!look.error.transient || now() - heardAtMs >= times.silenceMs) throw look.error
      await pause(times.pollMs(now() - startedMs) * 2, signal)
      continue
    }
    heardAtMs = now()
    if (look.kind === 'unknown') {
      unknownSinceMs ??= now()
      if (now() - unknownSinceMs >= times.unknownMs) return { kind: 'lost' }
    } else if (look.kind === 'lost') {
      return look
    } else {
      unknownSinceMs = null
      if (look.taskId !== taskId) {
        taskId = look.taskId
        report({ type: 'taskRenamed', taskId })
      }
      const { status } = look
      if (status === 'done') return { kind: 'done', taskId, engine: look.engine }
      if (status === 'error' || status === 'cancelled') return { kind: 'failed', said: look.said }
      if (status === 'queued') report({ type: 'taskWaiting', position: look.position > 0 ? look.position : null })
      else report({ type: 'renderProgressed', progress: meters(look) })
    }
    await pause(times.pollMs(now() - startedMs), signal)
  }
}

interface Sighting {
  readonly kind: 'seen'
  readonly taskId: string
  readonly status: GpuTaskStatus
  readonly percent: number
  readonly totalFrames: number
  readonly currentFrame: number
  readonly position: number
  readonly engine: string | null
  readonly said: string
}

type Look = Sighting | { readonly kind: 'unknown' } | { readonly kind: 'lost' } | { readonly kind: 'silent'; readonly error: DeskError }

async function lookOnce(
  taskId: string,
  followed: Followed,
  clients: () => Promise<{ readonly gpu: GpuClient; readonly api: ApiClient }>,
  signal: AbortSignal,
): Promise<Look> {
  let gpuError: DeskError | null = null
  try {
    const { gpu } = await clients()
    const known = await gpu.progress(taskId, signal)
    if (known !== null) return gpuSighting(taskId, known)
    // A cache hit behind the API is filed under the cache key only, and nobody is told (§8.3).
    const key = cacheKey(followed)
    const cached = key === taskId ? null : await gpu.progress(key, signal)
    if (cached?.status === 'done') return gpuSighting(key, cached)
  } catch (thrown) {
    if (signal.aborted || thrown instanceof Stopped) throw new Stopped()
    gpuError = toDeskError(thrown)
    if (!gpuError.transient) return { kind: 'silent', error: gpuError }
  }
  try {
    const { api } = await clients()
    const status = await api.status(taskId, signal)
    if (status === null) return gpuError === null ? { kind: 'lost' } : { kind: 'silent', error: gpuError }
    // The deployed API writes `processing` once and never again: beside a GPU server that knows nothing it means nothing.
    if (status.status === 'processing' && status.progress === undefined) return gpuError === null ? { kind: 'unknown' } : { kind: 'silent', error: gpuError }
    return apiSighting(taskId, status)
  } catch (thrown) {
    if (signal.aborted || thrown instanceof Stopped) throw new Stopped()
    return { kind: 'silent', error: gpuError ?? toDeskError(thrown) }
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

/** Frames where the server counts them; else its percentage, which nobody counted and is marked so. */
function createRenderMeter(now: () => number): (seen: Sighting) => Progress {
  let meter: { readonly unit: 'frames' | 'percent'; readonly total: number; readonly read: (done: number) => Progress } | null = null
  return (seen) => {
    const counted = seen.totalFrames > 0
    const [unit, total, done] = counted
      ? (['frames', seen.totalFrames, seen.currentFrame] as const)
      : (['percent', 100, Math.max(0, Math.min(100, seen.percent))] as const)
    if (meter?.unit !== unit || meter.total !== total) meter = { unit, total, read: createProgressMeter(unit, total, now) }
    return { ...meter.read(done), estimated: !counted }
  }
}
