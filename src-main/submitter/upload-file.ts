// The upload step: asks which of the two files the server lacks and sends those, whole, one after the other.
import { DeskError } from '../../src-shared/errors'
import type { InputFile, JobEvent } from '../../src-shared/job'
import type { FileStore } from './file-store'
import { throwIfChanged } from './hash-files'
import { createProgressMeter, createReportGate } from './progress-meter'
import { retrying, stepBackoff, type Backoff } from './retry'

type HashedFile = InputFile & { readonly md5: string }

/** After this both files are on the server. Files must be hashed. */
export async function uploadMissing(
  files: { readonly video: HashedFile; readonly audio: HashedFile },
  store: () => Promise<FileStore>,
  report: (event: JobEvent) => void,
  signal: AbortSignal,
  backoff: Backoff = stepBackoff,
): Promise<void> {
  const missing = await missingFiles(files, store, signal, backoff)
  for (const role of missing) await uploadOne(role, files[role], store, report, signal, backoff)
}

/** Which of the two the server does not have. */
export async function missingFiles(
  files: { readonly video: HashedFile; readonly audio: HashedFile },
  store: () => Promise<FileStore>,
  signal: AbortSignal,
  backoff: Backoff = stepBackoff,
): Promise<('video' | 'audio')[]> {
  const { video, audio } = files
  const asked = [audio, video].map(({ md5, ext }) => ({ hash: md5, ext }))
  const there = await retrying(async () => (await store()).checkFiles(asked, signal), signal, backoff)
  const roles = video.md5 === audio.md5 ? (['video'] as const) : (['audio', 'video'] as const)
  return roles.filter((role) => there[files[role].md5] !== true)
}

async function uploadOne(
  role: 'video' | 'audio',
  file: HashedFile,
  store: () => Promise<FileStore>,
  report: (event: JobEvent) => void,
  signal: AbortSignal,
  backoff: Backoff,
): Promise<void> {
  await retrying(async () => {
    await throwIfChanged(file)
    const client = await store()
    const meter = createProgressMeter('bytes', file.sizeBytes)
    const gate = createReportGate(100)
    const reportSent = (sentBytes: number): void => {
      const progress = meter(sentBytes)
      // Kernel buffers are a few MB ahead of the server: at the end it still stores and checks.
      if (gate(progress)) report({ type: 'uploadProgressed', file: role, progress, awaitingReply: sentBytes >= file.sizeBytes })
    }
    reportSent(0)
    const stored = await client.uploadFile({ path: file.path, name: file.name, sizeBytes: file.sizeBytes, md5: file.md5, ext: file.ext }, reportSent, signal)
    report({ type: 'uploaded', sentBytes: file.sizeBytes })
    await throwIfChanged(file)
    // The deployed server answers success with the hash of what it got (quirk 24): the file is there under another name.
    if (stored.toLowerCase() !== file.md5) throw new DeskError('upload_corrupted', { file: file.name })
  }, signal, backoff)
}
