// Jobs as the renderer may see them: names and addresses under the media scheme instead of paths.
import { basename } from 'node:path'
import type { InputView, JobStateView, JobView } from '../src-shared/bridge-contract'
import type { InputFile, Job } from '../src-shared/job'

export const jobFileNames = ['video', 'audio', 'result'] as const
export type JobFileName = (typeof jobFileNames)[number]

export function jobView(job: Job, mediaUrlOf: (token: string) => string): JobView {
  const { outputDir: _hidden, ...shown } = job
  const urlOf = (file: JobFileName): string => mediaUrlOf(jobFileToken(job.id, file))
  return {
    ...shown,
    video: inputView(job.video, urlOf('video')),
    audio: inputView(job.audio, urlOf('audio')),
    state: stateView(job, urlOf('result')),
  }
}

export const jobFileToken = (jobId: string, file: JobFileName): string => `${file}.${jobId}`

/** The path behind a job's file token; null when there is none. */
export function pathOfJobFile(token: string, find: (jobId: string) => Job | null): string | null {
  const [, file, jobId] = /^(video|audio|result)\.(.+)$/.exec(token) ?? []
  const job = jobId === undefined ? null : find(jobId)
  if (job === null) return null
  if (file === 'video' || file === 'audio') return job[file].path
  return job.state.kind === 'done' ? job.state.result.path : null
}

function inputView({ name, ext, sizeBytes, media }: InputFile, mediaUrl: string): InputView {
  return { name, ext, sizeBytes, media, mediaUrl }
}

function stateView(job: Job, mediaUrl: string): JobStateView {
  if (job.state.kind !== 'done') return job.state
  const { path, ...result } = job.state.result
  return { kind: 'done', result: { ...result, folderName: basename(job.outputDir) || job.outputDir, mediaUrl } }
}
