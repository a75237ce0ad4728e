// The download step: into a `.part` file in the output folder, checked, then renamed. A result counts only when its
// length is right, it has picture and sound, and it lasts as long as the audio.
import { constants } from 'node:fs'
import { access, link, rename, rm, stat, unlink } from 'node:fs/promises'
import { basename, join, parse } from 'node:path'
import { DeskError } from '../../src-shared/errors'
import type { Job, JobEvent, JobResult } from '../../src-shared/job'
import { diskError } from './fetch-to-file'
import type { GpuClient } from './gpu-client'
import { readFacts } from './media-probe'
import { createProgressMeter, createReportGate } from './progress-meter'
import { retrying, stepBackoff, type Backoff } from './retry'

/** How far the result's duration may be from the audio's. */
const toleranceSec = 0.5

/** Throws output_missing or output_not_writable. */
export async function checkOutputFolder(outputDir: string): Promise<void> {
  const folder = basename(outputDir) || outputDir
  try {
    const found = await stat(outputDir)
    if (!found.isDirectory()) throw new DeskError('output_missing', { folder })
    await access(outputDir, constants.W_OK)
  } catch (thrown) {
    throw diskError(thrown, outputDir) ?? thrown
  }
}

export const partPath = (job: Pick<Job, 'id' | 'outputDir'>): string => join(job.outputDir, `.lipsync-${job.id}.part`)

export async function downloadResult(
  job: Job,
  task: { readonly taskId: string; readonly engine: string | null },
  gpu: () => Promise<GpuClient>,
  report: (event: JobEvent) => void,
  signal: AbortSignal,
  backoff: Backoff = stepBackoff,
): Promise<JobResult> {
  await checkOutputFolder(job.outputDir)
  const path = partPath(job)
  try {
    const sizeBytes = await retrying(() => fetchOnce(task.taskId, path, gpu, report, signal), signal, backoff)
    const durationSec = await checkResult(path, job.audio.media?.durationSec ?? null)
    const finalPath = await moveToFreeName(path, job)
    return { path: finalPath, name: basename(finalPath), sizeBytes, durationSec, engine: task.engine }
  } catch (thrown) {
    await rm(path, { force: true }).catch(() => undefined)
    throw diskError(thrown, job.outputDir) ?? thrown
  }
}

async function fetchOnce(taskId: string, path: string, gpu: () => Promise<GpuClient>, report: (event: JobEvent) => void, signal: AbortSignal): Promise<number> {
  const client = await gpu()
  const gate = createReportGate(100)
  let meter: ReturnType<typeof createProgressMeter> | null = null
  const fetched = await client.download(
    taskId,
    path,
    (doneBytes, totalBytes) => {
      // Without a length there is no share to show; the file is counted all the same.
      if (totalBytes === null) return
      meter ??= createProgressMeter('bytes', totalBytes)
      const progress = meter(doneBytes)
      if (gate(progress)) report({ type: 'downloadProgressed', progress })
    },
    signal,
  )
  return fetched.sizeBytes
}

/** The result's duration in seconds; throws what is wrong with it. `audioSec` null: nothing to compare with. */
export async function checkResult(path: string, audioSec: number | null): Promise<number> {
  const facts = await readFacts(path).catch((thrown: unknown) => {
    throw new DeskError('result_not_media', {}, thrown)
  })
  if (facts === null) throw new DeskError('result_not_media')
  if (facts.video === null) throw new DeskError('result_no_video')
  if (facts.audio === null) throw new DeskError('result_no_audio')
  const actualSec = facts.durationSec ?? 0
  if (audioSec !== null && Math.abs(actualSec - audioSec) > toleranceSec) {
    throw new DeskError('result_wrong_duration', { expectedSec: round(audioSec), actualSec: round(actualSec) })
  }
  return actualSec
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10

/** Gives the file its name; another job's or the person's file of that name is never overwritten. */
async function moveToFreeName(from: string, job: Job): Promise<string> {
  const base = resultBaseName(job)
  for (let n = 1; ; n++) {
    const to = join(job.outputDir, n === 1 ? `${base}.mp4` : `${base} (${n}).mp4`)
    try {
      await claimName(from, to)
      return to
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    }
  }
}

/** Like rename, but fails with EEXIST where the name is taken; a link does that in one step. */
async function claimName(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'EEXIST') throw thrown
    // No hard links here (exFAT, some network drives): look, then rename.
    const taken = await stat(to).then(
      () => true,
      () => false,
    )
    if (taken) throw Object.assign(new Error('taken'), { code: 'EEXIST' })
    await rename(from, to)
    return
  }
  // The old name may stay for a while (a virus scanner reads it): it takes no room, and the result has its name.
  await unlink(from).catch(() => undefined)
}

/** `presenter-voice`, fit for every file system: forbidden signs replaced, at most 200 bytes with room for a number. */
export function resultBaseName(job: Pick<Job, 'video' | 'audio'>): string {
  const clean = (name: string): string =>
    parse(name)
      .name.replaceAll(/[<>:"/\\|?*\p{Cc}]/gu, '_')
      .replace(/^[. ]+|[. ]+$/gu, '')
  const [video, audio] = [shorten(clean(job.video.name), 90), shorten(clean(job.audio.name), 90)]
  const base = [video, audio].filter((part) => part !== '').join('-')
  return base === '' || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(base) ? `result-${base}` : base
}

/** At most `maxBytes` of UTF-8, cut between whole characters. */
function shorten(text: string, maxBytes: number): string {
  let bytes = 0
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    bytes += Buffer.byteLength(segment)
    if (bytes > maxBytes) return kept
    kept += segment
  }
  return kept
}
