// Input files by content: a file is its MD5, the extension is kept only because engines look at it (quirk 28). What is
// stored is complete and verified: bytes go to a temporary file, are hashed as they pass, synced, then renamed.
import { createHash, randomUUID, type Hash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { normaliseExt, normaliseHash } from '../input-names'

export interface StoredFile {
  readonly hash: string
  readonly ext: string
  readonly path: string
}

/** What a client said about an upload. */
export interface DeclaredFile {
  /** An MD5, or a `tmp_…` token from clients that cannot hash (quirk 24). */
  readonly hash: string
  readonly ext: string
}

/** An upload that is not taken; `message` is for the client. */
export class UploadRefused extends Error {}

const tokenPattern = /^tmp_[a-z0-9_-]{1,64}$/

/** The extension as sent, else the file name's, else `.bin` (contract.md §1.1). */
export function declaredExt(ext: string, filename: string): string {
  const wanted = ext.trim() || extname(filename.trim()) || '.bin'
  const known = normaliseExt(wanted)
  if (known === undefined) throw new UploadRefused(`unsupported file extension: ${wanted.slice(0, 20)}`)
  return known
}

/** Written in pieces of this size: few enough calls, little enough memory. */
const pieceBytes = 1024 * 1024

/** One file on its way in. Dropped, it leaves nothing. */
export class IncomingFile {
  private readonly hash: Hash = createHash('md5')
  private waiting: Buffer[] = []
  private waitingBytes = 0
  private writing: Promise<void> = Promise.resolve()
  private failure: unknown
  private sizeBytes = 0

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(path: string): Promise<IncomingFile> {
    return new IncomingFile(path, await open(path, 'wx'))
  }

  /** Takes the bytes; a promise (which never rejects) when the sender should wait for the disk. */
  write(bytes: Buffer): Promise<void> | undefined {
    this.throwFailure()
    this.sizeBytes += bytes.length
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
    return { hash: this.hash.digest('hex'), sizeBytes: this.sizeBytes }
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

export class FileStore {
  private constructor(
    private readonly storeDir: string,
    private readonly incomingDir: string,
    private readonly extensionOf: Map<string, string>,
  ) {}

  /** Opens the folder; what an earlier process left half uploaded is removed. */
  static async open(dir: string): Promise<FileStore> {
    const storeDir = join(dir, 'store')
    const incomingDir = join(dir, 'incoming')
    await rm(incomingDir, { recursive: true, force: true })
    await mkdir(incomingDir, { recursive: true })
    await mkdir(storeDir, { recursive: true })
    const extensionOf = new Map<string, string>()
    for (const name of await readdir(storeDir)) {
      const ext = extname(name)
      const hash = normaliseHash(name.slice(0, name.length - ext.length))
      if (hash !== undefined && normaliseExt(ext) !== undefined) extensionOf.set(hash, ext)
    }
    return new FileStore(storeDir, incomingDir, extensionOf)
  }

  /** Asks the disk: an operator may have cleaned up behind our back. */
  async find(hash: string): Promise<StoredFile | undefined> {
    const ext = this.extensionOf.get(hash)
    if (ext === undefined) return undefined
    const path = join(this.storeDir, `${hash}${ext}`)
    const found = await stat(path).catch(() => undefined)
    return found?.isFile() && found.size > 0 ? { hash, ext, path } : undefined
  }

  receive(): Promise<IncomingFile> {
    return IncomingFile.create(join(this.incomingDir, randomUUID()))
  }

  /** The end of an upload: keeps the file under its content's hash, or refuses it and leaves nothing. */
  async keep(incoming: IncomingFile, declared: DeclaredFile): Promise<StoredFile> {
    try {
      const { hash, sizeBytes } = await incoming.complete()
      if (sizeBytes === 0) throw new UploadRefused('the file is empty')
      const expected = expectedHash(declared.hash)
      if (expected !== undefined && expected !== hash) {
        throw new UploadRefused(`hash mismatch: the file is ${hash}, announced was ${expected}`)
      }
      const existing = await this.find(hash)
      if (existing) {
        await incoming.drop()
        return existing
      }
      const path = join(this.storeDir, `${hash}${declared.ext}`)
      await rename(incoming.path, path)
      this.extensionOf.set(hash, declared.ext)
      return { hash, ext: declared.ext, path }
    } catch (error) {
      await incoming.drop()
      throw error
    }
  }
}

/** The MD5 the content must have; undefined for a `tmp_…` token, whose sender learns the true hash from the reply. */
export function expectedHash(declared: string): string | undefined {
  const hash = normaliseHash(declared)
  if (hash === undefined && !tokenPattern.test(declared.trim().toLowerCase())) {
    throw new UploadRefused('hash must be an MD5 (32 hex digits)')
  }
  return hash
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
