// What both servers answer when a client asks for missing inputs and sends them (contract.md §1.1): the same bodies and the
// same envelopes. Who may ask is decided before, by each server.
import type { FastifyRequest } from 'fastify'
import { checkFilesRequestSchema } from '../../src-shared/gpu-contract'
import { normaliseHash } from '../input-names'
import { HttpFailure, parseJsonBody } from '../json-server'
import { reasonOf, type Log } from '../log'
import { MalformedMultipart } from '../multipart'
import { UploadRefused, type FileStore } from './file-store'
import { receiveUpload, UploadTooLarge, type UploadLimits } from './upload'

/** An upload that was not taken: its status is the same on both servers, whatever else they say with 200. */
export class UploadFailure extends HttpFailure {}

export async function answerCheckFiles(files: FileStore, request: FastifyRequest): Promise<object> {
  const asked = parseJsonBody(request, checkFilesRequestSchema).files
  const data: Record<string, boolean> = {}
  for (const { hash } of asked) {
    if (hash === '') continue
    const known = normaliseHash(hash)
    // Answered under the name it was asked for. What is there stays for another while: a submit is on its way.
    data[hash] = known !== undefined && (await files.use(known)) !== undefined
  }
  return { code: 0, data }
}

export interface UploadParts {
  readonly files: FileStore
  readonly limits: UploadLimits
  readonly log: Log
}

export async function answerUpload({ files, limits, log }: UploadParts, request: FastifyRequest): Promise<object> {
  try {
    const { hash } = await receiveUpload(request.raw, files, limits)
    return { code: 0, data: { hash, server_path: hash } }
  } catch (error) {
    if (error instanceof UploadTooLarge) throw new UploadFailure(413, error.message)
    if (error instanceof UploadRefused || error instanceof MalformedMultipart) throw new UploadFailure(400, error.message)
    if (request.raw.destroyed && !request.raw.complete) {
      log.warn('upload_aborted')
      throw new UploadFailure(400, 'the upload was cut off')
    }
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new UploadFailure(507, 'the disk of the server is full')
    log.error('upload_failed', { reason: reasonOf(error) })
    throw new UploadFailure(500, 'internal error')
  }
}
