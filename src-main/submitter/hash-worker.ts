// MD5 of one file, in a thread of its own. Two reused 1 MiB buffers, one being read while the other is hashed: inside
// Electron a stream allocates every chunk anew and takes twice the time.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { HashMessage, HashRequest } from './hash-files'

const bufferBytes = 1024 * 1024
const reportEveryMs = 100

const post = (message: HashMessage): void => parentPort?.postMessage(message)

async function hashFile({ path }: HashRequest): Promise<void> {
  const handle = await open(path, 'r')
  try {
    const hash = createHash('md5')
    let [front, back] = [Buffer.allocUnsafe(bufferBytes), Buffer.allocUnsafe(bufferBytes)]
    let doneBytes = 0
    let reportedAtMs = Date.now()
    let reading = handle.read(front, 0, bufferBytes, 0)
    for (;;) {
      const { bytesRead } = await reading
      if (bytesRead === 0) break
      reading = handle.read(back, 0, bufferBytes, doneBytes + bytesRead)
      hash.update(front.subarray(0, bytesRead))
      doneBytes += bytesRead
      ;[front, back] = [back, front]
      if (Date.now() - reportedAtMs >= reportEveryMs) {
        reportedAtMs = Date.now()
        post({ type: 'progressed', doneBytes })
      }
    }
    post({ type: 'hashed', md5: hash.digest('hex'), sizeBytes: doneBytes })
  } finally {
    await handle.close()
  }
}

hashFile(workerData as HashRequest).catch((thrown: unknown) => {
  post({ type: 'failed', systemCode: (thrown as NodeJS.ErrnoException).code ?? 'UNKNOWN' })
})
