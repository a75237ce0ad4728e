// Tells the window what changed, in one message for all jobs, at most ten times a second.
import type { BridgeEvents, JobView } from '../src-shared/bridge-contract'
import type { Job } from '../src-shared/job'
import type { Submitter } from './submitter/submitter'

const everyMs = 100

export function createJobNews(submitter: Pick<Submitter, 'onChange' | 'onRemoved'>, viewOf: (job: Job) => JobView, send: (message: BridgeEvents['jobsChanged']) => void): void {
  const changed = new Map<string, Job>()
  const removed = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  const flush = (): void => {
    timer = null
    const message = { changed: [...changed.values()].map(viewOf), removed: [...removed] }
    changed.clear()
    removed.clear()
    send(message)
  }
  const soon = (): void => void (timer ??= setTimeout(flush, everyMs))
  submitter.onChange(({ job }) => {
    removed.delete(job.id)
    changed.set(job.id, job)
    soon()
  })
  submitter.onRemoved((id) => {
    changed.delete(id)
    removed.add(id)
    soon()
  })
}
