// A server's file into a new local file: constant memory, progress, and its length checked against what was promised.
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text as readText } from 'node:stream/consumers'
import { basename, dirname } from 'node:path'
import axios from 'axios'
import { DeskError, type ServerName } from '../../src-shared/errors'
import { checkHeaders, hostOf, networkError } from './json-request'
import { Stopped } from './retry'

export interface FileFetch {
  readonly server: ServerName
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Created, or emptied when it is there. */
  readonly path: string
  readonly report: (doneBytes: number, totalBytes: number | null) => void
  readonly signal: AbortSignal
  /** What any status but 200 means. */
  readonly refusal: (status: number, text: string) => DeskError
  readonly idleTimeoutMs?: number
}

export interface FetchedFile {
  readonly sizeBytes: number
}

export async function fetchToFile(fetch: FileFetch): Promise<FetchedFile> {
  const { server, signal } = fetch
  const host = hostOf(fetch.url)
  const idleMs = fetch.idleTimeoutMs ?? 60_000
  const idle = new AbortController()
  let idleTimer = setTimeout(() => idle.abort(), idleMs)
  const moved = (): void => {
    clearTimeout(idleTimer)
    idleTimer = setTimeout(() => idle.abort(), idleMs)
  }
  try {
    checkHeaders(fetch.headers, server, host)
    const reply = await axios.get<Readable>(fetch.url, {
      // As it is, not packed: a length that counts, and the bytes of a video.
      headers: { ...fetch.headers, 'Accept-Encoding': 'identity' },
      responseType: 'stream',
      signal: AbortSignal.any([signal, idle.signal]),
      validateStatus: () => true,
      maxRedirects: 0,
      decompress: false,
      proxy: false,
    })
    if (reply.status !== 200) throw fetch.refusal(reply.status, await readText(reply.data).catch(() => ''))
    const contentType = String(reply.headers['content-type'] ?? '')
    if (/json|html/i.test(contentType)) throw fetch.refusal(200, await readText(reply.data))
    const announced = Number(reply.headers['content-length'])
    const totalBytes = Number.isSafeInteger(announced) && announced > 0 ? announced : null
    let doneBytes = 0
    reply.data.on('data', (chunk: Buffer) => {
      doneBytes += chunk.length
      moved()
      fetch.report(doneBytes, totalBytes)
    })
    try {
      await pipeline(reply.data, createWriteStream(fetch.path, { highWaterMark: 1024 * 1024 }))
    } catch (thrown) {
      const failure = diskError(thrown, dirname(fetch.path))
      if (failure !== null) throw failure
      // Cut on the way: what is there is known to be too short.
      if (!signal.aborted && !idle.signal.aborted) throw new DeskError('result_truncated', { expected: totalBytes ?? '?', actual: doneBytes, host }, thrown)
      throw thrown
    }
    if (doneBytes === 0 || (totalBytes !== null && doneBytes !== totalBytes)) {
      throw new DeskError('result_truncated', { expected: totalBytes ?? '?', actual: doneBytes, host })
    }
    return { sizeBytes: doneBytes }
  } catch (thrown) {
    if (signal.aborted) throw new Stopped()
    if (idle.signal.aborted) throw new DeskError('server_timeout', { server, host }, thrown)
    throw networkError(thrown, server, host)
  } finally {
    clearTimeout(idleTimer)
  }
}

/** A system error about the output folder as a typed one; null for errors of another kind. */
export function diskError(thrown: unknown, folderPath: string): DeskError | null {
  const { code, syscall } = (thrown ?? {}) as NodeJS.ErrnoException
  const folder = basename(folderPath) || folderPath
  if (code === 'ENOSPC' || code === 'EDQUOT') return new DeskError('disk_full', { folder }, thrown)
  if (code === 'ENOENT' || code === 'ENOTDIR') return new DeskError('output_missing', { folder }, thrown)
  // Also what else a disk has against a file, as its size or a folder of that name; a connection fails with other calls.
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || syscall === 'open' || syscall === 'write') {
    return new DeskError('output_not_writable', { folder }, thrown)
  }
  return null
}
