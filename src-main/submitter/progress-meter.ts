// Turns counts into a Progress: share, speed over the last seconds, time left. Says nothing it has not seen.
import type { Progress } from '../../src-shared/job'

const windowMs = 5_000
/** Below this much time seen, a speed would be a guess. */
const minSpanMs = 400

/** `done` and `total` in `unit`; speed is over the last five seconds. The clock is passed in for tests. */
export function createProgressMeter(unit: Progress['unit'], total: number, now: () => number = Date.now): (done: number) => Progress {
  const seen: { atMs: number; done: number }[] = []
  return (done) => {
    const atMs = now()
    seen.push({ atMs, done })
    while (seen.length > 2 && atMs - (seen[1]?.atMs ?? atMs) >= windowMs) seen.shift()
    const first = seen[0] ?? { atMs, done }
    const spanMs = atMs - first.atMs
    const perSecond = spanMs >= minSpanMs ? ((done - first.done) * 1000) / spanMs : null
    return {
      unit,
      done: Math.min(done, total),
      total,
      perSecond,
      secondsLeft: perSecond !== null && perSecond > 0 ? Math.max(0, total - done) / perSecond : null,
      estimated: false,
    }
  }
}

/** Lets through one report in `everyMs`, and always the last one of a stage (done = total). */
export function createReportGate(everyMs: number, now: () => number = Date.now): (progress: Progress) => boolean {
  let lastMs = -Infinity
  return (progress) => {
    const atMs = now()
    if (progress.done < progress.total && atMs - lastMs < everyMs) return false
    lastMs = atMs
    return true
  }
}
