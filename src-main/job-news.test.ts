import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Job } from '../src-shared/job'
import { createJobNews } from './job-news'
import { jobView } from './job-view'
import { sampleJob } from './submitter/testing/sample-jobs'
import type { JobChange } from './submitter/submitter'

describe('job news', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('tell in one message what changed, each job as it is at last', () => {
    let change: (news: JobChange) => void = () => undefined
    let remove: (id: string) => void = () => undefined
    const messages: { changed: string[]; removed: readonly string[] }[] = []
    createJobNews(
      {
        onChange: (listener) => {
          change = listener
          return () => undefined
        },
        onRemoved: (listener) => {
          remove = listener
          return () => undefined
        },
      },
      (job: Job) => jobView(job, String),
      ({ changed, removed }) => messages.push({ changed: changed.map((job) => `${job.id} ${job.state.kind}`), removed }),
    )
    change({ event: null, job: sampleJob({ id: 'a' }) })
    change({ event: null, job: sampleJob({ id: 'b' }) })
    change({ event: null, job: sampleJob({ id: 'a', state: { kind: 'submitting' } }) })
    change({ event: null, job: sampleJob({ id: 'c' }) })
    remove('c')
    expect(messages).toEqual([])
    vi.runAllTimers()
    expect(messages).toEqual([{ changed: ['a submitting', 'b queued'], removed: ['c'] }])

    vi.runAllTimers()
    expect(messages).toHaveLength(1)
    remove('a')
    change({ event: null, job: sampleJob({ id: 'a' }) })
    vi.runAllTimers()
    expect(messages[1]).toEqual({ changed: ['a queued'], removed: [] })
  })
})
