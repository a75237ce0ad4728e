// The GPU server's HTTP routes (contract.md §1): a drop-in for the deployed one. The only place of this room that knows
// HTTP statuses; every failure is JSON with `code` equal to the status.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { gpuPaths, gpuSubmitRequestSchema, type HealthReply } from '../../src-shared/gpu-contract'
import { answerCheckFiles, answerUpload } from '../files/file-routes'
import type { FileStore } from '../files/file-store'
import { sendFile } from '../files/send-file'
import type { UploadLimits } from '../files/upload'
import { normaliseExt, normaliseHash } from '../input-names'
import { clientIdOf, createJsonServer, HttpFailure, parseJsonBody, queryValue } from '../json-server'
import type { Log } from '../log'
import { bearerOf, fingerprintOf, sameSecret } from '../secrets'
import type { Engine } from './engine'
import { addProgressSockets } from './progress-socket'
import type { ResultStore } from './result-store'
import type { GpuTask, TaskTable } from './task-table'
import { InputMissing, OrderConflict, takeOrder } from './take-order'
import { statusOf, toProgressReply } from './task-wire'

export interface GpuServerParts {
  readonly engine: Engine
  readonly files: FileStore
  readonly results: ResultStore
  readonly tasks: TaskTable
  readonly log: Log
  /** '' where no secret is configured. */
  readonly secret: string
  readonly uploadLimits: UploadLimits
}

/** §1.0, and the methods and headers our own clients need besides. */
const corsHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, OPTIONS',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Range',
  'Access-Control-Expose-Headers': 'Content-Length, Content-Range, Accept-Ranges, Content-Disposition',
} as const

export function createGpuServer(parts: GpuServerParts): FastifyInstance {
  const server = createJsonServer({
    log: parts.log,
    envelope: ({ status, message, extra }) => ({ status, body: { code: status, msg: message, message, ...extra } }),
  })
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(corsHeaders)
    if (request.method === 'OPTIONS') await reply.code(200).send('')
  })
  const onRequest = requireSecret(parts.secret)

  server.get(gpuPaths.health, () => health(parts))
  server.post(gpuPaths.checkFiles, { onRequest }, (request) => answerCheckFiles(parts.files, request))
  const upload = { files: parts.files, limits: parts.uploadLimits, log: parts.log }
  server.post(gpuPaths.uploadFile, { onRequest }, (request) => answerUpload(upload, request))
  server.post(gpuPaths.submit, { onRequest }, (request) => submit(parts, request))
  server.get(gpuPaths.progress, { onRequest }, (request) => progress(parts, request))
  server.get(gpuPaths.queue, { onRequest }, () => queue(parts))
  server.route({
    method: ['GET', 'HEAD'],
    url: gpuPaths.download,
    onRequest,
    handler: (request, reply) => download(parts, request, reply),
  })
  addProgressSockets(server, parts)
  return server
}

function requireSecret(secret: string) {
  return async (request: FastifyRequest): Promise<void> => {
    if (secret === '') return
    const header = request.headers.authorization ?? ''
    // The deployed check takes the bare token as well.
    const given = bearerOf(header) || header.trim()
    if (!sameSecret(given, secret)) throw new HttpFailure(401, 'unauthorized: the secret is missing or wrong')
    await Promise.resolve()
  }
}

/** `initialized` and `queue` at the top level for everyone, under `data` for the one client that looks there. */
function health({ engine, tasks }: GpuServerParts): HealthReply & { readonly data: object } {
  const state = engine.state()
  const facts = { initialized: state.ready, queue: tasks.counts(), engine: engine.name }
  const reason = state.ready ? '' : state.reason
  return { code: 0, msg: state.ready ? 'ok' : reason, ...facts, engine_error: reason, data: facts }
}

async function submit(parts: GpuServerParts, request: FastifyRequest): Promise<object> {
  const body = parseJsonBody(request, gpuSubmitRequestSchema)
  const audioHash = requireHash(body.audio_hash, 'audio_hash')
  const videoHash = requireHash(body.video_hash, 'video_hash')
  requireExt(body.audio_ext, 'audio_ext')
  requireExt(body.video_ext, 'video_ext')
  const order = {
    hubId: undefined,
    owner: fingerprintOf(body.license_key),
    clientTaskId: clientIdOf(request, body.client_task_id),
    inputs: { audioHash, videoHash },
  }
  try {
    const { task, cached } = await takeOrder(parts, order)
    const data = { task_id: task.id, ...(cached && { cached }), queue: parts.tasks.counts() }
    return { code: 0, msg: cached ? 'done before' : 'submitted', data }
  } catch (error) {
    if (error instanceof InputMissing) throw new HttpFailure(404, error.message)
    if (error instanceof OrderConflict) throw new HttpFailure(400, error.message)
    throw error
  }
}

function progress({ tasks, engine }: GpuServerParts, request: FastifyRequest): object {
  const id = requireTaskId(request)
  const task = requireTask(tasks, id)
  return { code: 0, data: toProgressReply(task, id, tasks, engine.name) }
}

function queue({ tasks }: GpuServerParts): object {
  const list = tasks.all().map((task) => ({
    task_id: task.id,
    status: statusOf(task),
    progress: task.percent,
    created_at: task.createdAt / 1000,
  }))
  return { code: 0, data: { ...tasks.counts(), tasks: list } }
}

async function download(
  { tasks, results }: GpuServerParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const id = requireTaskId(request)
  const { state } = requireTask(tasks, id)
  if (state.kind !== 'done') {
    const status = statusOf(requireTask(tasks, id))
    throw new HttpFailure(400, `the task is not done, its status is: ${status}`, { status })
  }
  const result = await results.openFor(state.resultKey)
  if (!result) throw new HttpFailure(404, 'the result is gone from the server')
  return sendFile(request, reply, result, { type: 'video/mp4', filename: `${id}.mp4` })
}

function requireHash(text: string, field: string): string {
  const hash = normaliseHash(text)
  if (hash === undefined) throw new HttpFailure(400, `bad request at ${field}: an MD5 is needed (32 hex digits)`)
  return hash
}

function requireExt(text: string, field: string): void {
  if (text !== '' && normaliseExt(text) === undefined) {
    throw new HttpFailure(400, `bad request at ${field}: unsupported file extension`)
  }
}

function requireTaskId(request: FastifyRequest): string {
  const id = queryValue(request, 'task_id')
  if (id === '') throw new HttpFailure(400, 'bad request: task_id is missing')
  return id
}

function requireTask(tasks: TaskTable, id: string): GpuTask {
  const task = tasks.find(id)
  if (!task) throw new HttpFailure(404, 'the task is unknown')
  return task
}
