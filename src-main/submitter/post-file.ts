// A file as multipart/form-data with a known length, over plain node:http. Own code because this is what the desk exists
// for: inside Electron a stream library costs a factor of four, and axios keeps a whole redirected body in memory.
// A ring of four reused 1 MiB buffers, each refilled when the socket has taken it: constant memory at any size.
import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { DeskError, type ServerName } from '../../src-shared/errors'
import { checkHeaders, hostOf, networkError } from './json-request'
import { fileError } from './media-probe'
import { Stopped } from './retry'

export interface FilePost {
  readonly server: ServerName
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, string>>
  readonly file: { readonly path: string; readonly name: string; readonly sizeBytes: number }
  /** Bytes of the file that the socket has taken; a few MB may still lie in kernel buffers. */
  readonly report: (sentBytes: number) => void
  readonly signal: AbortSignal
  /** Without any movement for this long the server counts as silent. */
  readonly idleTimeoutMs?: number
  /** How long a server that hung up is asked why. */
  readonly refusalWaitMs?: number
}

export interface PostReply {
  readonly status: number
  readonly text: string
}

const ringSlots = 4
const slotBytes = 1024 * 1024
const maxReplyBytes = 1024 * 1024

export async function postFile(post: FilePost): Promise<PostReply> {
  const { server, file, signal } = post
  const host = hostOf(post.url)
  if (signal.aborted) throw new Stopped()
  const boundary = `----lipsync-desk-${randomBytes(16).toString('hex')}`
  const head = Buffer.from(multipartHead(boundary, post.fields, file.name))
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const handle = await open(file.path, 'r').catch((thrown: unknown) => {
    throw fileError(thrown, file.name)
  })
  const start = (): ClientRequest => {
    const url = new URL(post.url)
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      headers: {
        ...post.headers,
        Accept: 'application/json',
        'Content-Type': `multipart/form-data; boundary=${boundary}`,
        'Content-Length': head.length + file.sizeBytes + tail.length,
      },
      // As an option it counts while connecting too; set on the request it would begin with the connection.
      timeout: post.idleTimeoutMs ?? 120_000,
      signal,
    })
    return request.on('timeout', () => request.destroy(new DeskError('server_timeout', { server, host })))
  }
  let request: ClientRequest | undefined
  try {
    checkHeaders(post.headers, server, host)
    request = start()
    const reply = readReply(request)
    await writeAll(request, handle, head, tail, file, post.report, reply)
    return await reply
  } catch (thrown) {
    const refusal = hangUps.has((thrown as NodeJS.ErrnoException).code ?? '') ? await askForRefusal(start, post.refusalWaitMs ?? 1_000) : null
    if (signal.aborted) throw new Stopped()
    if (refusal !== null) return refusal
    throw networkError(thrown, server, host)
  } finally {
    request?.destroy()
    await handle.close()
  }
}

const hangUps: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ECONNABORTED'])

/**
 * Many servers refuse by the head (too large, wrong secret) and hang up while the body still comes; the broken connection
 * can swallow that reply before it is read. So the head is sent once more, alone. Null when there is no refusal.
 */
async function askForRefusal(start: () => ClientRequest, waitMs: number): Promise<PostReply | null> {
  const request = start()
  const timer = setTimeout(() => request.destroy(), waitMs)
  try {
    const reply = readReply(request)
    request.flushHeaders()
    const { status, text } = await reply
    // A success would be about a file that did not go through.
    return status >= 400 ? { status, text } : null
  } catch {
    return null
  } finally {
    clearTimeout(timer)
    request.destroy()
  }
}

async function writeAll(
  request: ClientRequest,
  handle: Awaited<ReturnType<typeof open>>,
  head: Buffer,
  tail: Buffer,
  file: FilePost['file'],
  report: (sentBytes: number) => void,
  reply: Promise<PostReply>,
): Promise<void> {
  // The reply decides; it may come before the whole body has left (401, 413), and then the rest is not sent. It is raced
  // with each write, since the callbacks of writes that never found a socket are not called.
  let answered = false
  const settled = reply.then(
    () => void (answered = true),
    () => void (answered = true),
  )
  const slots = Array.from({ length: ringSlots }, () => ({ buffer: Buffer.allocUnsafe(slotBytes), taken: Promise.resolve() }))
  let sentBytes = 0
  request.write(head)
  for (let offset = 0, turn = 0; offset < file.sizeBytes; turn++) {
    const slot = slots[turn % ringSlots]
    if (slot === undefined) break
    await Promise.race([slot.taken, settled])
    if (answered || request.destroyed) return
    const { bytesRead } = await handle.read(slot.buffer, 0, Math.min(slotBytes, file.sizeBytes - offset), offset).catch((thrown: unknown) => {
      throw fileError(thrown, file.name)
    })
    // Shorter than it was: the promised length can no longer be kept.
    if (bytesRead === 0) throw new DeskError('file_changed', { file: file.name })
    offset += bytesRead
    slot.taken = new Promise((resolve) => {
      request.write(slot.buffer.subarray(0, bytesRead), (error) => {
        if (!error) report((sentBytes += bytesRead))
        // A failed write is told by the request's own 'error'.
        resolve()
      })
    })
  }
  await Promise.race([Promise.all(slots.map((slot) => slot.taken)), settled])
  if (!answered && !request.destroyed) request.end(tail)
}

function readReply(request: ClientRequest): Promise<PostReply> {
  return new Promise((resolve, reject) => {
    let failure: Error | null = null
    request.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      let received = 0
      response.on('data', (chunk: Buffer) => {
        received += chunk.length
        if (received <= maxReplyBytes) chunks.push(chunk)
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
      response.on('error', reject)
    })
    // A server that answers early and hangs up causes EPIPE beside its reply: the reply, if any, is read first.
    request.on('error', (error) => {
      failure = error
      setImmediate(() => reject(error))
    })
    request.on('close', () => setImmediate(() => reject(failure ?? new Error('closed without a reply'))))
  })
}

function multipartHead(boundary: string, fields: Readonly<Record<string, string>>, fileName: string): string {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  // Quotes and line breaks are percent-encoded, as browsers do; the name is for the server's log only.
  const safeName = fileName.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  return `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${safeName}"\r\nContent-Type: application/octet-stream\r\n\r\n`
}
