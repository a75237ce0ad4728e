import { describe, expect, it } from 'vitest'
import type { JobState } from '../src-shared/job'
import { jobFileToken, jobView, pathOfJobFile } from './job-view'
import { sampleInput, sampleJob } from './submitter/testing/sample-jobs'

const secret = '/home/someone/private'
const done: JobState = { kind: 'done', result: { path: `${secret}/out/result.mp4`, name: 'result.mp4', sizeBytes: 5, durationSec: 2, engine: 'mux' } }
const job = sampleJob({
  video: sampleInput('presenter.mp4', { path: `${secret}/presenter.mp4`, md5: 'a'.repeat(32) }),
  audio: sampleInput('voice.wav', { path: `${secret}/voice.wav`, md5: 'b'.repeat(32) }),
  outputDir: `${secret}/out`,
  state: done,
})

describe('jobView', () => {
  const view = jobView(job, (token) => `media:${token}`)

  it('shows names and addresses instead of paths', () => {
    expect(view).toMatchObject({
      id: 'job-1',
      video: { name: 'presenter.mp4', mediaUrl: 'media:video.job-1' },
      audio: { name: 'voice.wav', mediaUrl: 'media:audio.job-1' },
      state: { kind: 'done', result: { name: 'result.mp4', folderName: 'out', mediaUrl: 'media:result.job-1', engine: 'mux' } },
    })
  })

  it('holds nothing that tells where the files lie', () => {
    expect(JSON.stringify(view)).not.toContain(secret)
    expect(JSON.stringify(view)).not.toContain('aaaa')
    expect(view).not.toHaveProperty('outputDir')
    expect(view.video).not.toHaveProperty('path')
  })

  it('shows every other state as it is', () => {
    const state: JobState = { kind: 'failed', during: 'uploading', error: { code: 'secret_wrong', detail: { host: 'gpu' } } }
    expect(jobView({ ...job, state }, String).state).toEqual(state)
  })

  it('names a folder that has no name', () => {
    expect(jobView({ ...job, outputDir: '/' }, String).state).toMatchObject({ result: { folderName: '/' } })
  })
})

describe('pathOfJobFile', () => {
  const find = (id: string) => (id === job.id ? job : null)

  it('finds the three files of a job', () => {
    expect((['video', 'audio', 'result'] as const).map((file) => pathOfJobFile(jobFileToken('job-1', file), find))).toEqual([`${secret}/presenter.mp4`, `${secret}/voice.wav`, `${secret}/out/result.mp4`])
  })

  it('finds no result before there is one, no other job, and nothing beyond', () => {
    const running = (id: string) => (id === job.id ? { ...job, state: { kind: 'queued' } as const } : null)
    expect(pathOfJobFile('result.job-1', running)).toBeNull()
    for (const token of ['video.job-2', 'job-1', 'video.', '', 'outputDir.job-1', '../etc/passwd', 'video/job-1']) expect(pathOfJobFile(token, find)).toBeNull()
  })
})
