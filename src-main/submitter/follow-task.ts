// The following step: looks at the task until it has ended, through a GPU machine that is off, waking, or gone again.
// HTTP is truth; hints only make the next look come sooner.
import type { JobEvent, Progress } from '../../src-shared/job'
import type { ApiClient } from './api-client'
import type { GpuClient } from './gpu-client'
import { lookAtTask, type Followed, type Look, type Sighting } from './look-at-task'
import { createProgressMeter } from './progress-meter'
import { pause } from './retry'
import { throwIfHopeless, type Wake } from './wake-gpu'

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
  /** The same after its files came late: a worker that takes a task at all takes it when it registers (quirk 2). */
  readonly unknownLateMs: number
}

export const followTimes: FollowTimes = {
  pollMs: (followedMs) => (followedMs < 15_000 ? 500 : 1_500),
  silenceMs: 180_000,
  unknownMs: 60_000,
  unknownLateMs: 10_000,
}

export interface FollowDeps {
  readonly clients: () => Promise<{ readonly gpu: GpuClient; readonly api: ApiClient }>
  readonly wake: Wake
  /** The GPU server was found off before following began. */
  readonly knownOff: boolean
  /** Whether the servers have all they need to run the task without this desk. */
  readonly inputsStored: () => Promise<boolean>
  /** Sends the GPU server what it lacks; true when there was something to send. */
  readonly sendLateInputs: () => Promise<boolean>
  /** Called once when a machine that was waited for answers. */
  readonly woke: (tookMs: number) => void
  /** A machine that nobody powers on, or that does not come up, is waited for; else that is an error. */
  readonly waitForever: boolean
  readonly times?: FollowTimes
  readonly now?: () => number
}

export async function followTask(followed: Followed, deps: FollowDeps, report: (event: JobEvent) => void, signal: AbortSignal): Promise<TaskEnd> {
  const { wake, times = followTimes, now = Date.now } = deps
  const meters = createRenderMeter(now)
  const startedMs = now()
  let { taskId } = followed
  let heardAtMs = now()
  let unknownSinceMs: number | null = null
  let inputsChecked = false
  let sentLate = false
  let silentLooks = deps.knownOff ? 1 : 0
  try {
    for (;;) {
      const look = await lookAtTask(taskId, followed, deps.clients, signal)
      silentLooks = look.gpuAnswers ? 0 : silentLooks + 1
      if (look.gpuAnswers) {
        const tookMs = wake.up()
        if (tookMs !== null) deps.woke(tookMs)
        if (!inputsChecked && mayLackInputs(look)) {
          inputsChecked = true
          sentLate = await deps.sendLateInputs()
          if (sentLate) continue
        }
      }
      if (look.kind === 'silent') {
        if (!look.error.transient || now() - heardAtMs >= times.silenceMs) throw look.error
        await pause(times.pollMs(now() - startedMs) * 2, signal)
        continue
      }
      heardAtMs = now()
      if (look.kind === 'unknown') {
        unknownSinceMs ??= now()
        if (now() - unknownSinceMs >= (sentLate ? times.unknownLateMs : times.unknownMs)) return { kind: 'lost' }
      } else if (look.kind === 'lost') {
        return { kind: 'lost' }
      } else {
        unknownSinceMs = null
        if (look.taskId !== taskId) {
          taskId = look.taskId
          report({ type: 'taskRenamed', taskId })
        }
        // One lost reply is no machine that is off.
        if (look.status === 'queued' && silentLooks >= 2) {
          await napWhileOff(look)
          continue
        }
        const end = endOf(look)
        if (end !== null) return sentLate && end.kind === 'failed' ? { kind: 'lost' } : end
        if (look.status === 'queued') report({ type: 'taskWaiting', position: look.position > 0 ? look.position : null })
        else report({ type: 'renderProgressed', progress: meters(look) })
      }
      await pause(times.pollMs(now() - startedMs), signal)
    }
  } finally {
    wake.close()
  }

  async function napWhileOff(look: Look): Promise<void> {
    const event = wake.off(look.power, await deps.inputsStored())
    report(event)
    throwIfHopeless(event, deps.waitForever)
    await wake.nap(signal)
  }
}

/** A task that runs or is done has what it needs, whatever the server has cleaned up since. */
const mayLackInputs = (look: Look): boolean => look.kind !== 'seen' || look.status === 'queued' || look.status === 'error'

function endOf({ status, taskId, engine, said }: Sighting): TaskEnd | null {
  if (status === 'done') return { kind: 'done', taskId, engine }
  return status === 'error' || status === 'cancelled' ? { kind: 'failed', said } : null
}

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
