// Input files by content: a file is its MD5, the extension is kept only because engines look at it (quirk 28). What is
// stored is complete and verified: bytes go to a temporary file, are hashed as they pass, synced, then renamed. Several
// programs may share one folder, so the disk is what is true, and a file's time is when it was last of use to anyone.
//
// A file belongs to nobody: whoever knows its whole hash may use it. A hash is 128 bits of the content, so to know it is
// to have had the file or to have been told by somebody who had; nothing lists hashes, and no file is given out but to
// workers. One copy serves every license that has the same presenter.
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, utimes, type FileHandle } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { normaliseExt, normaliseHash } from '../input-names'
import { IncomingFile } from './incoming-file'

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

/** What nobody wrote to for so long is not on its way any more (contract.md §1.2). */
const abandonedMs = 3600_000

/** A folder that changed so shortly before it was read may have changed again without its time telling. */
const timeGrainMs = 2000

export class FileStore {
  private extensionOf = new Map<string, string>()
  private scanned = { changedAt: 0, at: 0 }
  private readonly listeners = new Set<(hash: string) => void>()

  private constructor(
    private readonly storeDir: string,
    private readonly incomingDir: string,
  ) {}

  /** Opens the folder; what an earlier process left half uploaded is removed when it is old enough to be nobody's. */
  static async open(dir: string, now = Date.now()): Promise<FileStore> {
    const store = new FileStore(join(dir, 'store'), join(dir, 'incoming'))
    await mkdir(store.incomingDir, { recursive: true })
    await mkdir(store.storeDir, { recursive: true })
    await removeOlder(store.incomingDir, now - abandonedMs)
    return store
  }

  /** Calls back when a file was kept, or was sent again and there already. */
  subscribe(listener: (hash: string) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Asks the disk: another program may have put it there, an operator may have cleaned up behind our back. */
  async find(hash: string): Promise<StoredFile | undefined> {
    return (await this.look(hash)) ?? ((await this.scan()) ? this.look(hash) : undefined)
  }

  /** As `find`, and it is kept for another while. */
  async use(hash: string): Promise<StoredFile | undefined> {
    const file = await this.find(hash)
    if (!file) return undefined
    const now = new Date()
    // Gone in this moment: somebody else's sweep was faster.
    return utimes(file.path, now, now).then(() => file, () => undefined)
  }

  /** As `use`, for a file that was just sent again: whoever waits for it is told. */
  async keepExisting(hash: string): Promise<StoredFile | undefined> {
    const file = await this.use(hash)
    if (file) this.tell(hash)
    return file
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
      const existing = await this.keepExisting(hash)
      if (existing) {
        await incoming.drop()
        return existing
      }
      const path = join(this.storeDir, `${hash}${declared.ext}`)
      await rename(incoming.path, path)
      this.extensionOf.set(hash, declared.ext)
      this.tell(hash)
      return { hash, ext: declared.ext, path }
    } catch (error) {
      await incoming.drop()
      throw error
    }
  }

  /** Removes what was of no use to anyone since then; answers how many files. */
  async sweep(unusedSince: number, now = Date.now()): Promise<number> {
    await removeOlder(this.incomingDir, now - abandonedMs)
    return removeOlder(this.storeDir, unusedSince)
  }

  private tell(hash: string): void {
    for (const listener of this.listeners) listener(hash)
  }

  private async look(hash: string): Promise<StoredFile | undefined> {
    const ext = this.extensionOf.get(hash)
    if (ext === undefined) return undefined
    const path = join(this.storeDir, `${hash}${ext}`)
    const found = await stat(path).catch(() => undefined)
    return found?.isFile() && found.size > 0 ? { hash, ext, path } : undefined
  }

  /** Reads the folder anew where it may have changed since; false where it has not. */
  private async scan(): Promise<boolean> {
    const { mtimeMs: changedAt } = await stat(this.storeDir)
    if (changedAt === this.scanned.changedAt && this.scanned.at - changedAt > timeGrainMs) return false
    const at = Date.now()
    const extensionOf = new Map<string, string>()
    for (const name of await readdir(this.storeDir)) {
      const ext = extname(name)
      const hash = normaliseHash(name.slice(0, name.length - ext.length))
      if (hash !== undefined && normaliseExt(ext) !== undefined) extensionOf.set(hash, ext)
    }
    this.extensionOf = extensionOf
    this.scanned = { changedAt, at }
    return true
  }
}

/** Undefined when it was removed in this moment. */
export function openStored(file: StoredFile): Promise<FileHandle | undefined> {
  return open(file.path, 'r').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
}

async function removeOlder(dir: string, before: number): Promise<number> {
  let removed = 0
  for (const name of await readdir(dir)) {
    const path = join(dir, name)
    const found = await stat(path).catch(() => undefined)
    if (!found?.isFile() || found.mtimeMs >= before) continue
    // Some systems hold on to a file that is being read: the next sweep gets it.
    const gone = await rm(path, { force: true }).then(() => true, () => false)
    if (gone) removed += 1
  }
  return removed
}

/** The MD5 the content must have; undefined for a `tmp_…` token, whose sender learns the true hash from the reply. */
export function expectedHash(declared: string): string | undefined {
  const hash = normaliseHash(declared)
  if (hash === undefined && !tokenPattern.test(declared.trim().toLowerCase())) {
    throw new UploadRefused('hash must be an MD5 (32 hex digits)')
  }
  return hash
}
