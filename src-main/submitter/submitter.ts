// Which job runs, and the only writer of jobs: every event goes through advance(), to the ledger, then to the listeners.
import { randomUUID } from 'node:crypto'
import { parse } from 'node:path'
import { DeskError, toDeskError } from '../../src-shared/errors'
import { advance, isFinal, type InputFile, type Job, type JobEvent, type JobEventType } from '../../src-shared/job'
import { rm } from 'node:fs/promises'
import { partPath } from './download-result'
import type { JobStore } from './job-store'
import { Stopped } from './retry'
import { runJob, type RunDeps } from './run-job'

export interface JobChange {
  /** Null when the job is new or was changed by another process. */
  readonly event: JobEvent | null
  readonly job: Job
}

export interface SubmitterDeps extends Omit<RunDeps, 'memory'> {
  readonly store: JobStore
  /** Faults of ours, for the log; people see the job's own error. */
  readonly logFault: (jobId: string, thrown: unknown) => void
  readonly now?: () => number
}

export interface Submitter {
  readonly jobs: () => readonly Job[]
  readonly get: (id: string) => Job | null
  /** Stores the job and starts it. */
  readonly add: (inputs: { readonly video: InputFile; readonly audio: InputFile; readonly outputDir: string }) => Job
  /** Takes up unfinished jobs that no other process runs. */
  readonly resume: () => void
  readonly cancel: (id: string) => void
  /** Tries a failed or cancelled job again; takes up one that a killed program left. Throws not_now for others. */
  readonly retry: (id: string) => void
  readonly remove: (id: string) => void
  readonly changeFolder: (id: string, outputDir: string) => void
  /** Ends when the job has ended or is no longer this process's. */
  readonly settled: (id: string) => Promise<void>
  readonly onChange: (listener: (change: JobChange) => void) => () => void
  readonly onRemoved: (listener: (id: string) => void) => () => void
  /** Stops all work without ending any job: the next start goes on. */
  readonly stop: () => Promise<void>
}

/** Ticks are shown, not stored: after a restart the step counts anew. */
const ticks: ReadonlySet<JobEventType> = new Set(['hashProgressed', 'uploadProgressed', 'renderProgressed', 'downloadProgressed'])

const differs = (a: Job, b: Job): boolean => a.updatedAtMs !== b.updatedAtMs || a.state.kind !== b.state.kind

/** How often other processes' changes to the ledger are looked for. */
const lookElsewhereMs = 500

export function createSubmitter(deps: SubmitterDeps): Submitter {
  const { store } = deps
  const now = deps.now ?? Date.now
  const jobs = new Map(store.load().map((job) => [job.id, job]))
  const running = new Map<string, { readonly controller: AbortController; readonly finished: Promise<void> }>()
  const changeListeners = new Set<(change: JobChange) => void>()
  const removedListeners = new Set<(id: string) => void>()
  let stopped = false

  const publish = (job: Job, event: JobEvent | null): void => {
    jobs.set(job.id, job)
    for (const listener of changeListeners) listener({ event, job })
  }

  const apply = (id: string, event: JobEvent): Job => {
    const before = known(id)
    const after = advance(before, event, now())
    if (after === before) return before
    // A tick that opens a stage is a fact: the stage is stored, its count is not.
    if (!ticks.has(event.type) || after.state.kind !== before.state.kind) store.save(after)
    publish(after, event)
    return after
  }

  const known = (id: string): Job => {
    const job = jobs.get(id)
    if (job === undefined) throw new DeskError('job_unknown')
    return job
  }

  /** Takes in how the ledger has it: another process may have changed it since. */
  const refresh = (id: string): Job => {
    const there = store.get(id)
    if (there !== null && differs(there, known(id))) publish(there, null)
    return known(id)
  }

  /** Changes a job that no other process has, as it is now; else throws not_now. */
  const change = (id: string, how: (job: Job) => void): void => {
    const isMine = running.has(id)
    const job = known(id)
    if (!isMine && !store.claim(id)) throw new DeskError('not_now')
    try {
      how(isMine ? job : refresh(id))
    } finally {
      if (!running.has(id)) store.release(id)
    }
  }

  const run = (id: string): void => {
    if (stopped || running.has(id) || !store.claim(id)) return
    const controller = new AbortController()
    const finished = work(id, controller.signal).finally(() => {
      running.delete(id)
      store.release(id)
    })
    running.set(id, { controller, finished })
  }

  /** Never throws: whatever happens becomes the job's state. */
  const work = async (id: string, signal: AbortSignal): Promise<void> => {
    const report = (event: JobEvent): Job => (stopped ? known(id) : apply(id, event))
    try {
      if (known(id).state.kind !== 'cancelling') {
        await runJob(known(id), { ...deps, memory: store.memory }, report, signal)
      }
    } catch (thrown) {
      if (!(thrown instanceof Stopped)) {
        const error = toDeskError(thrown)
        if (error.code === 'internal') deps.logFault(id, error.cause)
        report({ type: 'failed', error: error.toData() })
      }
    }
    // Whoever was told of the end may have removed the job at once.
    if (stopped || !jobs.has(id)) return
    if (known(id).state.kind === 'cancelling') {
      await rm(partPath(known(id)), { force: true }).catch(() => undefined)
      report({ type: 'cancelled' })
    }
  }

  const lookElsewhere = (): void => {
    if (!store.changedElsewhere()) return
    for (const id of store.takeCancelAsks()) if (jobs.has(id)) submitter.cancel(id)
    const there = store.load()
    const ids = new Set(there.map(({ id }) => id))
    for (const job of there) {
      if (running.has(job.id)) continue
      const mine = jobs.get(job.id)
      if (mine === undefined || differs(mine, job)) publish(job, null)
    }
    for (const id of jobs.keys()) {
      if (!ids.has(id) && !running.has(id)) forget(id)
    }
  }
  const forget = (id: string): void => {
    jobs.delete(id)
    for (const listener of removedListeners) listener(id)
  }
  const looking = setInterval(lookElsewhere, lookElsewhereMs)
  looking.unref()

  const submitter: Submitter = {
    jobs: () => [...jobs.values()].sort((a, b) => b.createdAtMs - a.createdAtMs),
    get: (id) => jobs.get(id) ?? null,

    add: ({ video, audio, outputDir }) => {
      const job: Job = {
        id: randomUUID(),
        name: `${parse(video.name).name} · ${parse(audio.name).name}`,
        createdAtMs: now(),
        updatedAtMs: now(),
        video,
        audio,
        outputDir,
        state: { kind: 'queued' },
        taskId: null,
        stageStartedAtMs: {},
        sentBytes: 0,
        submission: 1,
        attempt: 1,
      }
      store.save(job)
      publish(job, null)
      run(job.id)
      return job
    },

    resume: () => {
      for (const job of [...jobs.values()].sort((a, b) => a.createdAtMs - b.createdAtMs)) {
        if (isFinal(job.state) || running.has(job.id) || !store.claim(job.id)) continue
        if (isFinal(refresh(job.id).state)) {
          store.release(job.id)
          continue
        }
        apply(job.id, { type: 'resumed' })
        run(job.id)
      }
    },

    cancel: (id) => {
      const job = known(id)
      if (isFinal(job.state)) return
      const work = running.get(id)
      if (work !== undefined) {
        apply(id, { type: 'cancelAsked' })
        work.controller.abort()
      } else if (store.claim(id)) {
        if (isFinal(refresh(id).state)) return store.release(id)
        apply(id, { type: 'cancelAsked' })
        run(id)
      } else {
        store.askCancel(id)
      }
    },

    retry: (id) =>
      change(id, ({ state }) => {
        const ending = running.get(id)
        // One that is not at its end, and that nobody runs, was left by a program that was killed.
        if (state.kind === 'done' || (!isFinal(state) && ending !== undefined)) throw new DeskError('not_now')
        apply(id, { type: isFinal(state) ? 'retryAsked' : 'resumed' })
        // Its end may be so fresh that its last run has not given it back yet.
        if (ending === undefined) run(id)
        else void ending.finished.then(() => run(id))
      }),

    remove: (id) =>
      change(id, ({ state }) => {
        if (!isFinal(state)) throw new DeskError('not_now')
        store.remove(id)
        forget(id)
      }),

    changeFolder: (id, outputDir) =>
      change(id, ({ state }) => {
        if (state.kind === 'done') throw new DeskError('not_now')
        apply(id, { type: 'outputChanged', outputDir })
      }),

    settled: async (id) => {
      await running.get(id)?.finished
    },
    onChange: (listener) => {
      changeListeners.add(listener)
      return () => changeListeners.delete(listener)
    },
    onRemoved: (listener) => {
      removedListeners.add(listener)
      return () => removedListeners.delete(listener)
    },
    stop: async () => {
      stopped = true
      clearInterval(looking)
      for (const { controller } of running.values()) controller.abort()
      await Promise.all([...running.values()].map(({ finished }) => finished))
    },
  }
  return submitter
}
