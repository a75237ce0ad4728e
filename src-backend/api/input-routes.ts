// The inputs that the API keeps while the GPU machine is off: clients ask for what is missing and send it as they do on
// the GPU server (contract.md §1.1), with the API's license check; workers fetch what they lack. Files are given out to
// workers alone.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { apiPaths } from '../../src-shared/api-contract'
import { answerCheckFiles, answerUpload, type UploadParts } from '../files/file-routes'
import { openStored, type FileStore } from '../files/file-store'
import { sendFile } from '../files/send-file'
import { normaliseHash } from '../input-names'
import { HttpFailure } from '../json-server'
import { bearerOf, sameSecret } from '../secrets'
import type { TaskStore } from './store'
import type { ApiTask } from './task'

export interface InputRoutesParts extends UploadParts {
  readonly workerSecret: string
  /** Throws where the request has no valid license. */
  readonly requireLicense: (request: FastifyRequest) => void
}

export function addInputRoutes(server: FastifyInstance, parts: InputRoutesParts): void {
  const { files, workerSecret, requireLicense } = parts
  server.post(apiPaths.checkFiles, (request) => {
    requireLicense(request)
    return answerCheckFiles(files, request)
  })
  // Before the bytes: the key of an upload stands in a header, also where the Bearer is the API's secret.
  const onRequest = async (request: FastifyRequest): Promise<void> => {
    requireLicense(request)
  }
  server.post(apiPaths.uploadFile, { onRequest }, (request) => answerUpload(parts, request))
  server.route({
    method: ['GET', 'HEAD'],
    url: `${apiPaths.files}/:hash`,
    onRequest: async (request) => {
      if (!sameSecret(bearerOf(request.headers.authorization), workerSecret)) {
        throw new HttpFailure(401, 'unauthorized: files are for workers')
      }
    },
    handler: (request, reply) => giveFile(files, request, reply),
  })
}

async function giveFile(files: FileStore, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const hash = normaliseHash((request.params as { readonly hash: string }).hash)
  const file = hash === undefined ? undefined : await files.use(hash)
  const handle = file && (await openStored(file))
  if (!file || !handle) throw new HttpFailure(404, 'the file is not here')
  const { size, mtime } = await handle.stat()
  // The content is the name: a part of it goes on where another one was cut off, whatever happened in between.
  const version = { sizeBytes: size, etag: `"${file.hash}"`, modifiedAt: mtime }
  return sendFile(request, reply, { handle, version }, { type: 'application/octet-stream', filename: file.hash + file.ext })
}

/** For the queue: are both inputs of a task here? Asked for a task, they stay for another while. */
export async function inputsThere(files: FileStore, inputs: ApiTask['inputs']): Promise<boolean> {
  const found = await Promise.all([files.use(inputs.audioHash), files.use(inputs.videoHash)])
  return found.every((file) => file !== undefined)
}

/** The inputs of every task that has not ended: they are kept however old they are. */
export async function neededInputs(store: TaskStore): Promise<ReadonlySet<string>> {
  const all = Number.MAX_SAFE_INTEGER
  const needed = new Set<string>()
  for (const id of [...(await store.waiting(all)), ...(await store.leasesEnded(all))]) {
    const task = await store.find(id)
    if (task) for (const hash of [task.inputs.audioHash, task.inputs.videoHash]) needed.add(hash)
  }
  return needed
}
