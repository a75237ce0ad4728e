// The submit step. The client's id makes a repeat after a lost reply harmless where the server knows it; the server's id
// is reported before anything else happens.
import { clientTaskId, type Job, type JobEvent } from '../../src-shared/job'
import type { ApiClient } from './api-client'
import { retrying, stepBackoff, type Backoff } from './retry'

export async function submitTask(job: Job, api: () => Promise<ApiClient>, report: (event: JobEvent) => void, signal: AbortSignal, backoff: Backoff = stepBackoff): Promise<string> {
  const { video, audio } = job
  report({ type: 'submitStarted' })
  const { taskId } = await retrying(
    async () =>
      (await api()).submit(
        {
          audio_hash: audio.md5 ?? '',
          audio_ext: audio.ext,
          video_hash: video.md5 ?? '',
          video_ext: video.ext,
          client_task_id: clientTaskId(job),
        },
        signal,
      ),
    signal,
    backoff,
  )
  report({ type: 'submitted', taskId })
  return taskId
}
