// One file on its way in: hashed as its bytes pass, written in few calls, synced at the end. What becomes of it is
// file-store.ts's business.
import { createHash, type Hash } from 'node:crypto'
import { open, rm, type FileHandle } from 'node:fs/promises'

/** Written in pieces of this size: few enough calls, little enough memory. */
const pieceBytes = 1024 * 1024

/** One file on its way in. Dropped, it leaves nothing. */
export class IncomingFile {
  private readonly hash: Hash = createHash('md5')
  private waiting: Buffer[] = []
  private waitingBytes = 0
  private writing: Promise<void> = Promise.resolve()
  private failure: unknown
  private takenBytes = 0

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(path: string): Promise<IncomingFile> {
    return new IncomingFile(path, await open(path, 'wx'))
  }

  /** How much of it was taken so far. */
  get sizeBytes(): number {
    return this.takenBytes
  }

  /** Takes the bytes; a promise (which never rejects) when the sender should wait for the disk. */
  write(bytes: Buffer): Promise<void> | undefined {
    this.throwFailure()
    this.takenBytes += bytes.length
    this.waiting.push(bytes)
    this.waitingBytes += bytes.length
    this.hash.update(bytes)
    if (this.waitingBytes < pieceBytes) return undefined
    // The piece before this one must be on its way to disk: two pieces in memory, never more.
    const before = this.writing
    this.startPiece()
    return before
  }

  /** Everything on disk, and what it is. */
  async complete(): Promise<{ readonly hash: string; readonly sizeBytes: number }> {
    this.startPiece()
    await this.writing
    this.throwFailure()
    await this.handle.sync()
    await this.handle.close()
    return { hash: this.hash.digest('hex'), sizeBytes: this.takenBytes }
  }

  async drop(): Promise<void> {
    await this.writing
    await this.handle.close().catch(() => undefined)
    await rm(this.path, { force: true })
  }

  private startPiece(): void {
    const pieces = this.waiting
    this.waiting = []
    this.waitingBytes = 0
    if (pieces.length === 0) return
    this.writing = this.writing.then(async () => {
      if (this.failure !== undefined) return
      try {
        await writeAll(this.handle, pieces)
      } catch (error) {
        this.failure = error
      }
    })
  }

  private throwFailure(): void {
    if (this.failure !== undefined) throw this.failure as Error
  }
}

async function writeAll(handle: FileHandle, pieces: Buffer[]): Promise<void> {
  let rest = pieces
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest)
    rest = after(rest, bytesWritten)
  }
}

/** What is left when the first bytes are gone; a short write is rare, but allowed. */
function after(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes
  const rest: Buffer[] = []
  for (const piece of pieces) {
    if (skip >= piece.length) skip -= piece.length
    else {
      rest.push(piece.subarray(skip))
      skip = 0
    }
  }
  return rest
}
