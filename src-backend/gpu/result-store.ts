// Finished videos by what they were made from: the same audio and video on the same engine version is the same result,
// whoever asks. Tasks point here, so nothing is copied per task.
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenFile } from '../files/send-file'

export class ResultStore {
  private constructor(private readonly dir: string) {}

  /** Opens the folder; what an earlier process left half rendered is removed. */
  static async open(dir: string): Promise<ResultStore> {
    await mkdir(dir, { recursive: true })
    for (const name of await readdir(dir)) {
      if (name.endsWith('.part')) await rm(join(dir, name), { force: true })
    }
    return new ResultStore(dir)
  }

  /** The engine's version is in the key: another engine's pictures are another result (quirk 31). */
  keyOf(inputs: { readonly audioHash: string; readonly videoHash: string }, engineVersion: string): string {
    return createHash('md5').update(`${inputs.audioHash}_${inputs.videoHash}_${engineVersion}`).digest('hex')
  }

  pathOf(key: string): string {
    return join(this.dir, `${key}.mp4`)
  }

  async has(key: string): Promise<boolean> {
    const found = await stat(this.pathOf(key)).catch(() => undefined)
    return found?.isFile() === true && found.size > 0
  }

  /** Undefined when the file is gone. The handle is the reader's to close. */
  async openFor(key: string): Promise<OpenFile | undefined> {
    let handle: FileHandle
    try {
      handle = await open(this.pathOf(key), 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const { size, mtime } = await handle.stat()
    // Results are written once and renamed into place: key, size and time of writing name these bytes.
    const etag = `"${key.slice(0, 16)}-${size.toString(16)}-${Math.floor(mtime.getTime()).toString(16)}"`
    return { handle, version: { sizeBytes: size, etag, modifiedAt: mtime } }
  }
}
