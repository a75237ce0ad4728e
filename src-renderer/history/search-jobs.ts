// Which finished jobs a search text finds: by any of their names, whatever the case and the width of the letters. Pure.
import type { JobView } from '../../src-shared/bridge-contract'

const plain = (text: string): string => text.normalize('NFKC').toLowerCase()

const namesOf = (job: JobView): string =>
  plain([job.name, job.video.name, job.audio.name, job.state.kind === 'done' ? job.state.result.name : ''].join('\n'))

/** Every word must be in some name; an empty text finds all, as the same array. */
export function searchJobs(ids: readonly string[], jobs: ReadonlyMap<string, JobView>, text: string): readonly string[] {
  const words = plain(text).split(/\s+/).filter(Boolean)
  if (words.length === 0) return ids
  return ids.filter((id) => {
    const job = jobs.get(id)
    if (!job) return false
    const names = namesOf(job)
    return words.every((word) => names.includes(word))
  })
}
