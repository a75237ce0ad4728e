// One multipart upload, from the socket to the file store. The fields may come before or after the file; a file that is
// announced and there already is read to its end and thrown away, so that every client gets its answer.
import type { IncomingMessage } from 'node:http'
import { MalformedMultipart, multipartBoundary, MultipartParser, type PartHeaders } from '../multipart'
import { declaredExt, expectedHash, UploadRefused, type FileStore, type StoredFile } from './file-store'
import type { IncomingFile } from './incoming-file'

/** More bytes than this server takes. */
export class UploadTooLarge extends Error {}

const fieldLimitBytes = 4096

export interface UploadLimits {
  readonly maxBytes: number
  /** A sender that is silent for so long is gone. */
  readonly idleMs: number
}

export async function receiveUpload(
  request: IncomingMessage,
  store: FileStore,
  limits: UploadLimits,
): Promise<{ readonly hash: string }> {
  const boundary = multipartBoundary(request.headers['content-type'])
  if (boundary === undefined) throw new UploadRefused('expected multipart/form-data with a file')
  // Multipart framing is a few hundred bytes around the file.
  const framingBytes = 64 * 1024
  if (Number(request.headers['content-length'] ?? 0) > limits.maxBytes + framingBytes) {
    throw new UploadTooLarge('the file is too large for this server')
  }
  const upload = new Upload(store, limits.maxBytes)
  request.setTimeout(limits.idleMs, () => {
    request.destroy()
  })
  try {
    await upload.read(request.iterator({ destroyOnReturn: false }), new MultipartParser(boundary, upload))
    return await upload.finish()
  } catch (error) {
    await upload.drop()
    // The sender hears why only if we go on reading: a socket closed with bytes unread resets the connection.
    request.resume()
    throw error
  } finally {
    request.setTimeout(0)
  }
}

/** Collects the parts. The parser calls it; what takes time waits in `busy`, which read() awaits between chunks. */
class Upload {
  private readonly fields = new Map<string, string>()
  private part: PartHeaders | undefined
  private field: Buffer[] = []
  private filename: string | undefined
  private opening: Promise<IncomingFile | undefined> | undefined
  private incoming: IncomingFile | undefined
  private existing: StoredFile | undefined
  private early: Buffer[] = []
  private busy: Promise<void> | undefined
  private sizeBytes = 0

  constructor(
    private readonly store: FileStore,
    private readonly maxBytes: number,
  ) {}

  async read(request: AsyncIterable<unknown>, parser: MultipartParser): Promise<void> {
    for await (const chunk of request) {
      parser.push(chunk as Buffer)
      if (this.busy) {
        await this.busy
        this.busy = undefined
      }
    }
    if (!parser.finished) throw new MalformedMultipart('the upload ends in the middle')
  }

  begin(headers: PartHeaders): void {
    this.part = headers
    this.field = []
    if (headers.name !== 'file') return
    if (this.filename !== undefined) throw new MalformedMultipart('more than one file')
    this.filename = headers.filename ?? ''
    this.opening = this.open()
    this.busy = this.opening.then(() => undefined)
  }

  data(bytes: Buffer): void {
    if (this.part?.name === 'file') this.takeFileBytes(bytes)
    else this.takeFieldBytes(bytes)
  }

  end(): void {
    if (this.part && this.part.name !== 'file') {
      this.fields.set(this.part.name, Buffer.concat(this.field).toString('utf8').trim())
    }
    this.part = undefined
  }

  async finish(): Promise<{ readonly hash: string }> {
    await this.opening
    const hash = this.fields.get('hash') ?? ''
    if (this.filename === undefined) throw new UploadRefused('the file is missing')
    if (hash === '') throw new UploadRefused('the hash is missing')
    if (this.existing) return { hash: this.existing.hash }
    if (!this.incoming) throw new UploadRefused('the file is missing')
    const ext = declaredExt(this.fields.get('ext') ?? '', this.filename)
    expectedHash(hash)
    return this.store.keep(this.incoming, { hash, ext })
  }

  async drop(): Promise<void> {
    await this.opening?.catch(() => undefined)
    await this.incoming?.drop()
  }

  /** What is known already decides: a bad name is refused before the bytes, a known file needs none of them. */
  private async open(): Promise<IncomingFile | undefined> {
    const hash = this.fields.get('hash')
    const ext = this.fields.get('ext')
    if (ext !== undefined) declaredExt(ext, this.filename ?? '')
    if (hash !== undefined && hash !== '') {
      const expected = expectedHash(hash)
      this.existing = expected === undefined ? undefined : await this.store.keepExisting(expected)
      if (this.existing) return undefined
    }
    this.incoming = await this.store.receive()
    for (const bytes of this.early) await this.incoming.write(bytes)
    this.early = []
    return this.incoming
  }

  private takeFileBytes(bytes: Buffer): void {
    this.sizeBytes += bytes.length
    if (this.sizeBytes > this.maxBytes) throw new UploadTooLarge('the file is too large for this server')
    if (this.existing) return
    if (this.incoming) this.busy = this.incoming.write(bytes) ?? this.busy
    // The rest of the chunk in which the file began, while it is being opened.
    else this.early.push(bytes)
  }

  private takeFieldBytes(bytes: Buffer): void {
    this.field.push(bytes)
    const size = this.field.reduce((sum, piece) => sum + piece.length, 0)
    if (size > fieldLimitBytes) throw new UploadRefused('a form field is too long')
  }
}
