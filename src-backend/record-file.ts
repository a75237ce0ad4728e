// Records that outlive the process: a map in memory, and a file of JSON lines in which the last line of an id wins.
// A save is one appended line, synced together with the others that wait; the file is rewritten when mostly outdated.
import { open, readFile, rename, type FileHandle } from 'node:fs/promises'
import type { z } from 'zod'
import { reasonOf, type Log } from './log'

interface WaitingLine {
  readonly id: string
  readonly line: string
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Outdated lines that are not worth a rewrite. */
const slackLines = 2000

export class RecordFile<T extends { readonly id: string }> {
  private waiting: WaitingLine[] = []
  private writing: Promise<void> | undefined
  /** Lines that could not be written: they go in front of the next ones. */
  private readonly owed = new Map<string, string>()

  private constructor(
    private readonly path: string,
    private readonly map: Map<string, T>,
    private handle: FileHandle,
    private lines: number,
  ) {}

  /** Reads what is there. A torn last line (power loss) and lines that do not parse are left out, and said in the log. */
  static async open<T extends { readonly id: string }>(
    path: string,
    schema: z.ZodType<T>,
    log: Log,
  ): Promise<RecordFile<T>> {
    const map = new Map<string, T>()
    let unreadable = 0
    for (const line of (await readIfThere(path)).split('\n')) {
      if (line === '') continue
      const record = parseLine(line, schema)
      if (record === undefined) unreadable += 1
      else map.set(record.id, record)
    }
    if (unreadable > 0) log.warn('records_unreadable', { lines: unreadable })
    const handle = await rewrite(path, map)
    return new RecordFile(path, map, handle, map.size)
  }

  get(id: string): T | undefined {
    return this.map.get(id)
  }

  /** In the order in which they were first saved. */
  values(): IterableIterator<T> {
    return this.map.values()
  }

  /** Seen by readers at once; the promise resolves when it is on disk. */
  save(record: T): Promise<void> {
    this.map.set(record.id, record)
    return new Promise((resolve, reject) => {
      this.waiting.push({ id: record.id, line: `${JSON.stringify(record)}\n`, resolve, reject })
      this.writing ??= this.writeWaiting()
    })
  }

  /** Seen by readers at once, not worth a line on disk: the next save writes it. */
  hold(record: T): void {
    this.map.set(record.id, record)
  }

  /** Takes back a record whose first save failed: whoever asked for it was told so. */
  forget(id: string): void {
    this.map.delete(id)
    this.owed.delete(id)
  }

  /** Resolves when everything saved so far is on disk, or could not be written. */
  async settled(): Promise<void> {
    while (this.writing) await this.writing
  }

  async close(): Promise<void> {
    await this.settled()
    await this.handle.close()
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting
      this.waiting = []
      try {
        const owed = [...this.owed.values()].join('')
        const text = batch.map((item) => item.line).join('')
        // After a failed write the file may end in half a line: begin a new one.
        await this.handle.appendFile(owed === '' ? text : `\n${owed}${text}`)
        await this.handle.datasync()
        this.owed.clear()
        this.lines += batch.length
        if (this.lines > this.map.size * 2 + slackLines) await this.compact()
        for (const item of batch) item.resolve()
      } catch (error) {
        for (const item of batch) {
          this.owed.set(item.id, item.line)
          item.reject(error)
        }
      }
    }
    this.writing = undefined
  }

  private async compact(): Promise<void> {
    const fresh = await rewrite(this.path, this.map)
    await this.handle.close()
    this.handle = fresh
    this.lines = this.map.size
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new Error(`cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  }
}

function parseLine<T>(line: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

async function rewrite<T>(path: string, map: ReadonlyMap<string, T>): Promise<FileHandle> {
  const fresh = `${path}.new`
  const handle = await open(fresh, 'w')
  try {
    await handle.writeFile([...map.values()].map((record) => `${JSON.stringify(record)}\n`).join(''))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, path)
  return open(path, 'a')
}
