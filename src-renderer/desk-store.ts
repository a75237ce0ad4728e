// What the window knows of the desk: one snapshot, then changes. Pure of React; rows and lists keep their identity until
// they really change, so that one job's progress redraws one row.
import type { BridgeEvents, DeskBridge, JobView, ServiceView, Snapshot } from '../src-shared/bridge-contract'
import type { DeskErrorData } from '../src-shared/errors'
import { sectionOf, type JobState, type Section } from '../src-shared/job'

export interface DeskState {
  /** `loading` until the first snapshot; `failed` when it did not come. */
  readonly phase: 'loading' | 'failed' | 'ready'
  readonly failure: DeskErrorData | null
  readonly snapshot: Omit<Snapshot, 'jobs'> | null
  readonly jobs: ReadonlyMap<string, JobView>
  /** Ids per section: queue and running by age, history newest first. */
  readonly sections: Readonly<Record<Section, readonly string[]>>
}

export interface DeskStore {
  readonly bridge: DeskBridge
  readonly getState: () => DeskState
  readonly subscribe: (listener: () => void) => () => void
  /** Asks for the snapshot and listens; the function stops listening. */
  readonly start: () => () => void
}

const noSections: DeskState['sections'] = { queued: [], running: [], history: [] }

/** A view differs from a job's state only in the result, which no section depends on. */
export const sectionOfJob = (job: JobView): Section => sectionOf(job.state as JobState)

function listSections(jobs: ReadonlyMap<string, JobView>, before: DeskState['sections']): DeskState['sections'] {
  const lists: Record<Section, JobView[]> = { queued: [], running: [], history: [] }
  for (const job of jobs.values()) lists[sectionOfJob(job)].push(job)
  lists.queued.sort((a, b) => a.createdAtMs - b.createdAtMs)
  lists.running.sort((a, b) => a.createdAtMs - b.createdAtMs)
  lists.history.sort((a, b) => b.updatedAtMs - a.updatedAtMs)
  const keep = (section: Section): readonly string[] => {
    const ids = lists[section].map((job) => job.id)
    const old = before[section]
    return ids.length === old.length && ids.every((id, index) => id === old[index]) ? old : ids
  }
  return { queued: keep('queued'), running: keep('running'), history: keep('history') }
}

/** The state after a message; only a job that came, went or moved makes new lists. */
export function applyJobs(state: DeskState, message: BridgeEvents['jobsChanged']): DeskState {
  const jobs = new Map(state.jobs)
  let moved = false
  for (const job of message.changed) {
    const before = jobs.get(job.id)
    moved ||= !before || sectionOfJob(before) !== sectionOfJob(job) || (sectionOfJob(job) === 'history' && before.updatedAtMs !== job.updatedAtMs)
    jobs.set(job.id, job)
  }
  for (const id of message.removed) moved = jobs.delete(id) || moved
  return { ...state, jobs, sections: moved ? listSections(jobs, state.sections) : state.sections }
}

export function createDeskStore(bridge: DeskBridge): DeskStore {
  let state: DeskState = { phase: 'loading', failure: null, snapshot: null, jobs: new Map(), sections: noSections }
  const listeners = new Set<() => void>()
  const set = (next: DeskState): void => {
    state = next
    for (const listener of listeners) listener()
  }

  const start = (): (() => void) => {
    // Messages that overtake the snapshot wait for it. Those older than it do no harm: they are whole rows in order, so
    // the last one says what the snapshot says.
    let early: ((now: DeskState) => DeskState)[] | null = []
    let stopped = false
    const change = (apply: (now: DeskState) => DeskState): void => {
      if (early) early.push(apply)
      else set(apply(state))
    }
    const patch = (part: Partial<Omit<Snapshot, 'jobs'>>) => (now: DeskState): DeskState =>
      now.snapshot ? { ...now, snapshot: { ...now.snapshot, ...part } } : now
    const stops = [
      bridge.on('jobsChanged', (message) => change((now) => applyJobs(now, message))),
      bridge.on('settingsChanged', (settings) => change(patch({ settings }))),
      bridge.on('serviceChanged', (service: ServiceView) => change(patch({ service }))),
    ]
    const receive = async (): Promise<void> => {
      const reply = await bridge.getSnapshot()
      if (stopped) return
      if (!reply.ok) {
        set({ ...state, phase: 'failed', failure: reply.error })
        return
      }
      const { jobs: rows, ...snapshot } = reply.value
      const jobs = new Map(rows.map((job) => [job.id, job]))
      let next: DeskState = { phase: 'ready', failure: null, snapshot, jobs, sections: listSections(jobs, noSections) }
      for (const apply of early ?? []) next = apply(next)
      early = null
      set(next)
    }
    receive().catch(() => {
      if (!stopped) set({ ...state, phase: 'failed', failure: { code: 'internal', detail: {} } })
    })
    return () => {
      stopped = true
      for (const stop of stops) stop()
    }
  }

  return {
    bridge,
    getState: () => state,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    start,
  }
}
