// How long the last wakes took, kept over restarts, so that a person who waits can be told the usual time.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { reasonOf, type Log } from '../log'

const kept = 10
const fileSchema = z.object({ wakesMs: z.array(z.number().nonnegative()) })

export class WakeTimes {
  private writing: Promise<void> = Promise.resolve()

  private constructor(
    private readonly path: string,
    private readonly log: Log,
    private wakesMs: readonly number[],
  ) {}

  /** A file that is missing or damaged is none: the next wakes make a new one. */
  static async open(path: string, log: Log): Promise<WakeTimes> {
    const text = await readFile(path, 'utf8').catch(() => '{}')
    return new WakeTimes(path, log, parse(text).slice(-kept))
  }

  /** The median; null before the first. */
  usualMs(): number | null {
    const sorted = [...this.wakesMs].sort((a, b) => a - b)
    const middle = sorted.length >> 1
    const upper = sorted[middle]
    if (upper === undefined) return null
    const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper
    return Math.round((lower + upper) / 2)
  }

  add(wakeMs: number): void {
    this.wakesMs = [...this.wakesMs, wakeMs].slice(-kept)
    const text = JSON.stringify({ wakesMs: this.wakesMs })
    this.writing = this.writing.then(() => this.write(text)).catch((error: unknown) => {
      this.log.warn('wake_times_not_kept', { reason: reasonOf(error) })
    })
  }

  /** Resolves when what was added is on disk, or could not be written. */
  async settled(): Promise<void> {
    await this.writing
  }

  private async write(text: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true })
    await writeFile(`${this.path}.new`, text)
    await rename(`${this.path}.new`, this.path)
  }
}

function parse(text: string): readonly number[] {
  try {
    return fileSchema.parse(JSON.parse(text)).wakesMs
  } catch {
    return []
  }
}
