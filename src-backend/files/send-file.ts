// A file as an answer: whole, in part, or "you have it already" (contract.md §1.2, quirk 58). Whose it is and whether the
// asker may have it is decided before.
import type { FileHandle } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpFailure } from '../json-server'
import { answerFor, type ConditionalHeaders, type FileVersion } from './byte-range'

export interface OpenFile {
  /** Closed by whoever sends it. */
  readonly handle: FileHandle
  readonly version: FileVersion
}

/** Read from disk in pieces of this size. */
const pieceBytes = 512 * 1024

export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { handle, version }: OpenFile,
  { type, filename }: { readonly type: string; readonly filename: string },
): Promise<FastifyReply> {
  reply.headers({
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache',
    ETag: version.etag,
    'Last-Modified': version.modifiedAt.toUTCString(),
  })
  const answer = answerFor(conditionsOf(request), version)
  const setBodyHeaders = (start: number, end: number): void => {
    reply.type(type).headers({
      'Content-Length': end - start + 1,
      'Content-Disposition': `inline; filename=${filename}`,
      ...(answer.kind === 'part' && { 'Content-Range': `bytes ${String(start)}-${String(end)}/${String(version.sizeBytes)}` }),
    })
    if (answer.kind === 'part') reply.code(206)
  }
  const { start, end } = answer.kind === 'part' ? answer : { start: 0, end: version.sizeBytes - 1 }
  if (answer.kind !== 'not-modified' && answer.kind !== 'unsatisfiable' && request.method === 'GET') {
    setBodyHeaders(start, end)
    return reply.send(handle.createReadStream({ start, end, highWaterMark: pieceBytes, autoClose: true }))
  }
  await handle.close()
  if (answer.kind === 'not-modified') return reply.code(304).send()
  if (answer.kind === 'unsatisfiable') {
    reply.header('Content-Range', `bytes */${String(version.sizeBytes)}`)
    throw new HttpFailure(416, 'the range lies outside the file, or is more than one')
  }
  setBodyHeaders(start, end)
  return reply.send()
}

function conditionsOf({ headers, method }: FastifyRequest): ConditionalHeaders {
  const ifRange = headers['if-range']
  return {
    // A Range on HEAD is ignored (RFC 9110 §14.2).
    range: method === 'GET' ? headers.range : undefined,
    ifRange: Array.isArray(ifRange) ? ifRange[0] : ifRange,
    ifNoneMatch: headers['if-none-match'],
    ifModifiedSince: headers['if-modified-since'],
  }
}
