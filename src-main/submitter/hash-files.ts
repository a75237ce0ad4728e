// The hashing step: both files at once, each in a worker thread. A file whose hash is known and that did not change
// since is not read again.
import { Worker } from 'node:worker_threads'
import { DeskError } from '../../src-shared/errors'
import type { InputFile, Progress } from '../../src-shared/job'
import { fileError, statFile } from './media-probe'
import { createProgressMeter, createReportGate } from './progress-meter'
import { Stopped, stopIfAsked } from './retry'

export interface HashRequest {
  readonly path: string
}

export type HashMessage =
  | { readonly type: 'progressed'; readonly doneBytes: number }
  | { readonly type: 'hashed'; readonly md5: string; readonly sizeBytes: number }
  | { readonly type: 'failed'; readonly systemCode: string }

/**
 * The MD5 (32 lowercase hex) of each file, in order. Throws file_changed when a file is not what was picked, and the
 * file errors of statFile.
 */
export async function hashFiles(
  files: readonly InputFile[],
  workerUrl: URL,
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const unread = files.filter((file) => file.md5 === null)
  const meter = createProgressMeter('bytes', Math.max(1, unread.reduce((sum, file) => sum + file.sizeBytes, 0)))
  const gate = createReportGate(100)
  const done = new Map<InputFile, number>()
  const reportDone = (file: InputFile, doneBytes: number): void => {
    done.set(file, doneBytes)
    const progress = meter([...done.values()].reduce((sum, bytes) => sum + bytes, 0))
    if (gate(progress)) report(progress)
  }
  // One failing file ends the other's reading too.
  const together = new AbortController()
  const stop = (): void => together.abort()
  signal.addEventListener('abort', stop, { once: true })
  try {
    stopIfAsked(signal)
    return await Promise.all(
      files.map(async (file) => {
        try {
          return file.md5 ?? (await hashOne(file, workerUrl, (bytes) => reportDone(file, bytes), together.signal))
        } catch (thrown) {
          stop()
          throw thrown
        }
      }),
    )
  } catch (thrown) {
    if (signal.aborted) throw new Stopped()
    throw thrown
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function hashOne(file: InputFile, workerUrl: URL, report: (doneBytes: number) => void, signal: AbortSignal): Promise<string> {
  await throwIfChanged(file)
  const { md5, sizeBytes } = await runWorker(file, workerUrl, report, signal)
  if (sizeBytes !== file.sizeBytes) throw new DeskError('file_changed', { file: file.name })
  await throwIfChanged(file)
  report(sizeBytes)
  return md5
}

/** Size and time are what they were when the file was picked; else sending it would give the wrong content. */
export async function throwIfChanged(file: InputFile): Promise<void> {
  const now = await statFile(file.path)
  if (now.sizeBytes !== file.sizeBytes || now.mtimeMs !== file.mtimeMs) throw new DeskError('file_changed', { file: file.name })
}

function runWorker(
  file: InputFile,
  workerUrl: URL,
  report: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<{ md5: string; sizeBytes: number }> {
  return new Promise((resolve, reject) => {
    const request: HashRequest = { path: file.path }
    const worker = new Worker(workerUrl, { workerData: request })
    const stop = (): void => {
      void worker.terminate()
      reject(new Stopped())
    }
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    worker.on('message', (message: HashMessage) => {
      if (message.type === 'progressed') report(message.doneBytes)
      else if (message.type === 'hashed') resolve(message)
      else reject(fileError({ code: message.systemCode }, file.name))
    })
    worker.on('error', (thrown) => reject(new DeskError('internal', { file: file.name }, thrown)))
    worker.on('exit', () => {
      signal.removeEventListener('abort', stop)
      // After a message this changes nothing: the promise is settled.
      reject(new DeskError('internal', { file: file.name }))
    })
  })
}
