// A job's way through the stages: which it passed and for how long, which it did not need, which lie ahead. Pure.
import type { JobView } from '../../src-shared/bridge-contract'
import { stages, type Stage } from '../../src-shared/job'

export interface Passage {
  readonly stage: Stage
  readonly state: 'passed' | 'now' | 'skipped' | 'ahead'
  readonly startedAtMs: number | null
  /** Of the stage's last run; null when it did not run. */
  readonly tookMs: number | null
}

export function passagesOf(job: Pick<JobView, 'state' | 'stageStartedAtMs'>, nowMs: number): readonly Passage[] {
  const { stageStartedAtMs: started } = job
  // Most jobs never wait for a machine: only those that did tell of it.
  const told = stages.filter((stage) => stage !== 'waking' || started.waking !== undefined)
  const last = told.findLastIndex((stage) => started[stage] !== undefined)
  return told.map((stage, index): Passage => {
    const startedAtMs = started[stage]
    if (startedAtMs === undefined) return { stage, state: index < last ? 'skipped' : 'ahead', startedAtMs: null, tookMs: null }
    if (job.state.kind === stage) return { stage, state: 'now', startedAtMs, tookMs: Math.max(0, nowMs - startedAtMs) }
    // A stage ends when the next one begins, in time and not in the list: a stage may run again.
    const next = stages.map((other) => started[other] ?? 0).filter((at) => at > startedAtMs)
    return { stage, state: 'passed', startedAtMs, tookMs: next.length > 0 ? Math.min(...next) - startedAtMs : null }
  })
}
