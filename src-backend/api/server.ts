// The API server's HTTP routes (contract.md §2.4). Every business failure is HTTP 200 with `code` 7, its text in `msg`
// and in `message`, and a `reason` for programs; only what is no request to this API at all has another status.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  apiFailureCode,
  apiPaths,
  apiSubmitRequestSchema,
  type ApiReason,
  type ApiStatus,
} from '../../src-shared/api-contract'
import { assertNever } from '../../src-shared/errors'
import type { GpuTaskStatus } from '../../src-shared/gpu-contract'
import { normaliseExt, normaliseHash } from '../input-names'
import { clientIdOf, createJsonServer, HttpFailure, parseJsonBody, queryValue } from '../json-server'
import type { Log } from '../log'
import type { Licenses, Owner } from './licenses'
import type { ApiTask } from './task'
import { OrderConflict, type TaskQueue } from './task-queue'

export interface ApiServerParts {
  readonly licenses: Licenses
  readonly queue: TaskQueue
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
    envelope: ({ status, message, extra }) => {
      // A body that cannot be read is a business failure too; and what breaks inside is HTTP 200 as well (§2.0).
      const business = status === 400 ? { code: apiFailureCode, data: null, reason: 'bad_request' } : { code: status }
      const said = status === 400 || status >= 500 ? 200 : status
      return { status: said, body: { ...business, msg: message, message, ...extra } }
    },
  })
  server.post(apiPaths.submit, (request) => submit(parts, request))
  server.get(apiPaths.status, (request) => status(parts, request))
  server.get(apiPaths.capabilities, () => capabilities())
  return server
}

async function submit(parts: ApiServerParts, request: FastifyRequest): Promise<object> {
  const owner = requireLicense(parts.licenses, request)
  const body = parseJsonBody(request, apiSubmitRequestSchema)
  const clientTaskId = clientIdOf(request, body.client_task_id)
  const inputs = {
    audioHash: requireHash(body.audio_hash, 'audio_hash'),
    audioExt: requireExt(body.audio_ext, 'audio_ext'),
    videoHash: requireHash(body.video_hash, 'video_hash'),
    videoExt: requireExt(body.video_ext, 'video_ext'),
  }
  try {
    const task = await parts.queue.submit({ owner, clientTaskId, inputs })
    const said = submitWords(task)
    return { code: 0, msg: said.msg, data: { task_id: task.id, ...said } }
  } catch (error) {
    if (error instanceof OrderConflict) throw new BusinessFailure('bad_request', error.message)
    throw error
  }
}

async function status({ licenses, queue }: ApiServerParts, request: FastifyRequest): Promise<object> {
  const owner = requireLicense(licenses, request)
  const id = queryValue(request, 'task_id')
  if (id === '') throw new BusinessFailure('bad_request', 'task_id is missing')
  const task = await queue.find(owner, id)
  if (!task) {
    // An answer that ends the polling of clients which take code 7 for "no news" (quirk 33).
    const msg = 'the task is unknown'
    const data: ApiStatus = { task_id: id, status: 'error', progress: 0, message: msg, error: msg, error_code: 'task_unknown' }
    return { code: 0, msg, message: msg, reason: 'task_unknown' satisfies ApiReason, data }
  }
  return { code: 0, msg: 'ok', data: await toStatus(task, queue) }
}

function capabilities(): object {
  const data = { name: 'lipsync-desk', version: '0.1.0', stores_files: false, client_task_id: true }
  return { code: 0, msg: 'ok', data }
}

async function toStatus(task: ApiTask, queue: TaskQueue): Promise<ApiStatus> {
  const failed = task.state.kind === 'failed' ? task.state : undefined
  return {
    task_id: task.id,
    status: statusOf(task),
    request_id: task.id,
    created_at: Math.floor(task.createdAt / 1000),
    progress: task.percent,
    message: messageOf(task, queue.hasWorkers),
    total_frames: task.totalFrames,
    current_frame: task.frame,
    queue_position: await queue.position(task),
    error: failed?.message ?? '',
    ...(failed && { error_code: failed.code }),
    ...(task.gpuTaskId !== undefined && task.gpuTaskId !== task.id && { gpu_task_id: task.gpuTaskId }),
    ...(task.engine !== undefined && { engine: task.engine }),
  }
}

function statusOf(task: ApiTask): GpuTaskStatus {
  switch (task.state.kind) {
    case 'queued':
      return 'queued'
    case 'assigned':
      return task.state.phase === 'sent' ? 'queued' : task.state.phase
    case 'done':
      return 'done'
    case 'failed':
      return 'error'
    default:
      return assertNever(task.state)
  }
}

function messageOf(task: ApiTask, hasWorkers: boolean): string {
  switch (task.state.kind) {
    case 'queued':
      return hasWorkers ? 'waiting for its turn' : 'waiting for a GPU worker'
    case 'assigned':
      return task.state.phase === 'processing' || task.state.phase === 'synthesizing' ? 'rendering' : 'waiting for its turn'
    case 'done':
      return 'done'
    case 'failed':
      return task.state.message
    default:
      return assertNever(task.state)
  }
}

/** The deployed words for a new task; the truth for one that is asked for again. */
function submitWords(task: ApiTask): { readonly status: string; readonly msg: string } {
  switch (task.state.kind) {
    case 'queued':
      return { status: 'queued', msg: 'queued until a GPU worker is free' }
    case 'assigned':
      return { status: 'submitted', msg: 'handed to a GPU worker' }
    case 'done':
      return { status: 'done', msg: 'done before' }
    case 'failed':
      return { status: 'error', msg: task.state.message }
    default:
      return assertNever(task.state)
  }
}

/** Before anything else is said about the request. */
function requireLicense(licenses: Licenses, request: FastifyRequest): Owner {
  const answer = licenses.check({ headers: request.headers, bodyKey: bodyKeyOf(request) })
  if (!answer.ok) throw new BusinessFailure(answer.reason, answer.message)
  return answer.owner
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
