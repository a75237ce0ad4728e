// The API server's HTTP routes (contract.md §2.4). Every business failure is HTTP 200 with `code` 7, its text in `msg`
// and in `message`, and a `reason` for programs; only what is no request to this API at all has another status.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  apiCancelRequestSchema,
  apiFailureCode,
  apiPaths,
  apiSubmitRequestSchema,
  type ApiReason,
  type ApiStatus,
} from '../../src-shared/api-contract'
import { UploadFailure, type UploadParts } from '../files/file-routes'
import { normaliseExt, normaliseHash } from '../input-names'
import { clientIdOf, createJsonServer, HttpFailure, parseJsonBody, queryValue } from '../json-server'
import type { Log } from '../log'
import { addInputRoutes } from './input-routes'
import type { Licenses, Owner } from './licenses'
import type { PowerDesk } from './power-desk'
import { StoreUnavailable } from './store'
import { isFinal, type ApiTask } from './task'
import { OrderConflict, QueueFull } from './queue-parts'
import type { TaskQueue } from './task-queue'
import { messageOf, statusOf, submitWords } from './task-words'

export interface ApiServerParts {
  readonly licenses: Licenses
  readonly queue: TaskQueue
  readonly power: PowerDesk
  /** Inputs that are kept here for workers. */
  readonly inputs: Omit<UploadParts, 'log'>
  readonly workerSecret: string
  readonly log: Log
}

/** The failure the contract has for everything: HTTP 200, code 7. */
class BusinessFailure extends HttpFailure {
  constructor(reason: ApiReason, message: string) {
    super(200, message, { code: apiFailureCode, data: null, reason })
  }
}

export function createApiServer(parts: ApiServerParts): FastifyInstance {
  const server = createJsonServer({
    log: parts.log,
    envelope: (failure) => {
      const { status, message, extra } = failure
      if (failure instanceof UploadFailure) return { status, body: { code: status, msg: message, message } }
      // A body that cannot be read is a business failure too; and what breaks inside is HTTP 200 as well (§2.0).
      const business = status === 400 ? { code: apiFailureCode, data: null, reason: 'bad_request' } : { code: status }
      const said = status === 400 || status >= 500 ? 200 : status
      return { status: said, body: { ...business, msg: message, message, ...extra } }
    },
  })
  server.post(apiPaths.submit, (request) => withStore(submit(parts, request)))
  server.get(apiPaths.status, (request) => withStore(status(parts, request)))
  server.post(apiPaths.cancel, (request) => withStore(cancel(parts, request)))
  server.get(apiPaths.capabilities, () => capabilities())
  addInputRoutes(server, {
    ...{ ...parts.inputs, log: parts.log, workerSecret: parts.workerSecret },
    requireLicense: (request) => void requireLicense(parts.licenses, request),
  })
  return server
}

/** While the store is away nothing is accepted, and that is said. */
async function withStore(answer: Promise<object>): Promise<object> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof StoreUnavailable) throw new BusinessFailure('store_unavailable', 'the task store does not answer; try again')
    throw error
  }
}

async function submit(parts: ApiServerParts, request: FastifyRequest): Promise<object> {
  const { owner, licenseKey } = requireLicense(parts.licenses, request)
  const body = parseJsonBody(request, apiSubmitRequestSchema)
  const clientTaskId = clientIdOf(request, body.client_task_id)
  const inputs = {
    audioHash: requireHash(body.audio_hash, 'audio_hash'),
    audioExt: requireExt(body.audio_ext, 'audio_ext'),
    videoHash: requireHash(body.video_hash, 'video_hash'),
    videoExt: requireExt(body.video_ext, 'video_ext'),
  }
  try {
    const task = await parts.queue.submit({ owner, licenseKey, clientTaskId, inputs })
    const said = submitWords(task)
    return { code: 0, msg: said.msg, data: { task_id: task.id, ...said } }
  } catch (error) {
    if (error instanceof OrderConflict) throw new BusinessFailure('bad_request', error.message)
    if (error instanceof QueueFull) throw new BusinessFailure('queue_full', error.message)
    throw error
  }
}

async function status(parts: ApiServerParts, request: FastifyRequest): Promise<object> {
  const { owner } = requireLicense(parts.licenses, request)
  const id = queryValue(request, 'task_id')
  if (id === '') throw new BusinessFailure('bad_request', 'task_id is missing')
  return answerTask(parts, id, await parts.queue.find(owner, id))
}

async function cancel(parts: ApiServerParts, request: FastifyRequest): Promise<object> {
  const { owner } = requireLicense(parts.licenses, request)
  const { task_id: id } = parseJsonBody(request, apiCancelRequestSchema)
  return answerTask(parts, id, await parts.queue.cancel(owner, id))
}

async function answerTask(parts: ApiServerParts, id: string, task: ApiTask | undefined): Promise<object> {
  if (task) return { code: 0, msg: 'ok', data: await toStatus(task, parts) }
  // An answer that ends the polling of clients which take code 7 for "no news" (quirk 33).
  const msg = 'the task is unknown'
  const data: ApiStatus = { task_id: id, status: 'error', progress: 0, message: msg, error: msg, error_code: 'task_unknown' }
  return { code: 0, msg, message: msg, reason: 'task_unknown' satisfies ApiReason, data }
}

function capabilities(): object {
  const data = { name: 'lipsync-desk', version: '0.1.0', stores_files: true, client_task_id: true }
  return { code: 0, msg: 'ok', data }
}

async function toStatus(task: ApiTask, { queue, power }: ApiServerParts): Promise<ApiStatus> {
  const failed = task.state.kind === 'failed' ? task.state : undefined
  const presence = await power.presence()
  return {
    task_id: task.id,
    status: statusOf(task),
    request_id: task.requestId ?? task.id,
    created_at: Math.floor(task.createdAt / 1000),
    progress: task.percent,
    message: messageOf(task, presence.workers > 0),
    total_frames: task.totalFrames,
    current_frame: task.frame,
    queue_position: await queue.position(task),
    error: failed?.message ?? '',
    ...(failed && { error_code: failed.code }),
    ...(task.gpuTaskId !== undefined && task.gpuTaskId !== task.id && { gpu_task_id: task.gpuTaskId }),
    ...(task.engine !== undefined && { engine: task.engine }),
    ...(!isFinal(task) && { power: power.reply(presence) }),
  }
}

/** Before anything else is said about the request. */
function requireLicense(licenses: Licenses, request: FastifyRequest): { readonly owner: Owner; readonly licenseKey: string } {
  const answer = licenses.check({ headers: request.headers, bodyKey: bodyKeyOf(request) })
  if (!answer.ok) throw new BusinessFailure(answer.reason, answer.message)
  return answer
}

function bodyKeyOf(request: FastifyRequest): string {
  try {
    return parseJsonBody(request, z.object({ license_key: z.string() })).license_key
  } catch {
    return ''
  }
}

function requireHash(text: string, field: string): string {
  const hash = normaliseHash(text)
  if (hash === undefined) throw new BusinessFailure('bad_request', `${field}: an MD5 is needed (32 hex digits)`)
  return hash
}

function requireExt(text: string, field: string): string {
  const ext = normaliseExt(text)
  if (ext === undefined) throw new BusinessFailure('bad_request', `${field}: unsupported file extension`)
  return ext
}
