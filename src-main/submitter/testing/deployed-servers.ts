// Stand-ins for the deployed API and GPU servers, which cannot be run here: what contract.md says of them, quirks included.
// No clock runs in them: a task goes one step further each time its progress is asked for.
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { md5Of } from './media-files'

interface Step {
  readonly status: 'queued' | 'processing' | 'synthesizing' | 'done' | 'error'
  readonly progress?: number
  readonly frame?: number
  readonly total?: number
  readonly position?: number
  readonly error?: string
}

/** As the deployed server counts: made-up percents before the frames, and backwards at times. */
const usualSteps: readonly Step[] = [
  { status: 'queued', progress: 3, position: 1 },
  { status: 'processing', progress: 12 },
  { status: 'synthesizing', progress: 40, frame: 15, total: 40 },
  { status: 'synthesizing', progress: 30, frame: 10, total: 40 },
  { status: 'synthesizing', progress: 80, frame: 40, total: 40 },
  { status: 'done', progress: 100, frame: 40, total: 40 },
]

export interface Deployed {
  readonly apiUrl: string
  readonly gpuUrl: string
  /** What was asked, in order: `gpu GET health`, `api POST task/submit`. */
  readonly asked: readonly string[]
  /** Bodies of the submits, in order. */
  readonly submits: readonly Readonly<Record<string, unknown>>[]
  /** Bytes of media that arrived. */
  readonly mediaBytes: () => number
  /** The next requests to this path wait: `arrived` tells of the first, `release` lets them all go on. */
  readonly hold: (what: string) => { readonly arrived: Promise<void>; readonly release: () => void }
  /** What the servers do from now on. */
  readonly now: Behaviour
  /** The GPU server's memory is its tasks; files and cache lie on its disk. */
  readonly restartGpu: () => void
  /** Its cleaning removes files after a day. */
  readonly dropFiles: () => void
  readonly close: () => Promise<void>
}

export interface Behaviour {
  licenses: Map<string, 'valid' | 'expired'>
  gpuSecret: string
  /** How each new task goes. */
  steps: readonly Step[]
  result: Buffer
  health: () => { readonly status: number; readonly body: unknown }
  /** The hash in the reply to an upload, from the true one. */
  storedHash: (actual: string) => string
  /** The worker's link to the API is up. */
  workerOnline: boolean
}

export async function startDeployedServers(result: Buffer): Promise<Deployed> {
  const asked: string[] = []
  const submits: Record<string, unknown>[] = []
  const holds = new Map<string, { readonly tell: () => void; readonly released: Promise<void> }>()
  const files = new Set<string>()
  const cache = new Set<string>()
  const tasks = new Map<string, { steps: readonly Step[]; at: number; key: string }>()
  const apiStatus = new Map<string, 'processing' | 'queued'>()
  let mediaBytes = 0
  const now: Behaviour = {
    licenses: new Map([['LICENSE-1234', 'valid']]),
    gpuSecret: 'gpu-secret-5678',
    steps: usualSteps,
    result,
    health: () => ({ status: 200, body: { code: 0, msg: 'ok', initialized: true, queue } }),
    storedHash: (actual) => actual,
    workerOnline: true,
  }
  const queue = { total_tasks: 0, processing: 0, queued: 0, max_concurrent: 1 }

  /** The worker: a job that the API hands it (§6). */
  const dispatch = (taskId: string, body: Record<string, unknown>): void => {
    const [audio, video] = [String(body['audio_hash']), String(body['video_hash'])]
    // An error result, which the API does not pass on: nobody ever learns of it.
    if (!files.has(audio + String(body['audio_ext'])) || !files.has(video + String(body['video_ext']))) return
    const key = md5Of(`${audio}_${video}`).slice(0, 16)
    if (cache.has(key)) tasks.set(key, { steps: [{ status: 'done', progress: 100 }], at: 0, key })
    else tasks.set(taskId, { steps: now.steps, at: -1, key })
  }

  const gpu = async (path: string, query: URLSearchParams, request: IncomingMessage): Promise<Reply> => {
    if (path === 'health') return now.health()
    if (now.gpuSecret !== '' && (request.headers.authorization ?? '').replace('Bearer ', '') !== now.gpuSecret) return { status: 401, body: { code: 401, msg: '未授权' } }
    const task = tasks.get(query.get('task_id') ?? '')
    switch (path) {
      case 'check_files': {
        const { files: wanted } = JSON.parse((await buffer(request)).toString()) as { files: { hash: string; ext: string }[] }
        return { status: 200, body: { code: 0, data: Object.fromEntries(wanted.map(({ hash, ext }) => [hash, files.has(hash + ext)])) } }
      }
      case 'upload_file': {
        const form = await new Response(new Uint8Array(await buffer(request)), { headers: { 'Content-Type': request.headers['content-type'] ?? '' } }).formData()
        const content = Buffer.from(await (form.get('file') as File).arrayBuffer())
        mediaBytes += content.length
        const actual = now.storedHash(md5Of(content))
        const ext = form.get('ext') as string
        // The wrong content under its own name, and success all the same (quirk 24).
        files.add(actual + ext)
        return { status: 200, body: { code: 0, data: { hash: actual, server_path: `/srv/uploads/store/${actual}${ext}` } } }
      }
      case 'progress': {
        if (task === undefined) return { status: 404, body: { code: 404, msg: '任务不存在' } }
        task.at = Math.min(task.at + 1, task.steps.length - 1)
        const step = task.steps[task.at] ?? { status: 'queued' }
        if (step.status === 'done') cache.add(task.key)
        const data = {
          ...{ task_id: query.get('task_id'), status: step.status, progress: step.progress ?? 0, message: 'working' },
          ...{ total_frames: step.total ?? 0, current_frame: step.frame ?? 0, queue_position: step.position ?? 0, queue },
          ...{ created_at: 1.5, started_at: 0, finished_at: 0, error: step.error ?? '' },
        }
        return { status: 200, body: { code: 0, data } }
      }
      case 'download':
        if (task === undefined) return { status: 404, body: { code: 404, msg: '任务不存在' } }
        if (task.steps[task.at]?.status !== 'done') return { status: 400, body: { code: 400, msg: '任务未完成' } }
        return { status: 200, body: now.result, headers: { 'Content-Type': 'video/mp4', 'Content-Disposition': `inline; filename=${query.get('task_id') ?? ''}.mp4` } }
      default:
        return { status: 404, body: '<!doctype html><title>404 Not Found</title>', headers: { 'Content-Type': 'text/html' } }
    }
  }

  const api = async (path: string, query: URLSearchParams, request: IncomingMessage): Promise<Reply> => {
    const failed = (msg: string): Reply => ({ status: 200, body: { code: 7, msg, data: null } })
    const key = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim()
    if (key === undefined) return failed('缺少 Authorization')
    const license = now.licenses.get(key)
    if (license === undefined) return failed('卡密不存在')
    if (license === 'expired') return failed('卡密已过期')
    if (!request.headers['x-machine-code']) return failed('缺少设备指纹')
    if (path === 'task/submit') {
      const body = JSON.parse((await buffer(request)).toString()) as Record<string, unknown>
      submits.push(body)
      // The client's own id is not known here: each submit is a task of its own.
      const taskId = `heygem_${randomBytes(7).toString('hex').slice(0, 13)}`
      apiStatus.set(taskId, now.workerOnline ? 'processing' : 'queued')
      if (now.workerOnline) dispatch(taskId, body)
      return { status: 200, body: { code: 0, msg: 'ok', data: { task_id: taskId, status: now.workerOnline ? 'submitted' : 'queued', msg: 'ok' } } }
    }
    if (path === 'task/status') {
      const taskId = query.get('task_id') ?? ''
      const status = apiStatus.get(taskId)
      return status === undefined ? failed('任务不存在或已过期') : { status: 200, body: { code: 0, msg: 'ok', data: { task_id: taskId, status, request_id: taskId, created_at: 1 } } }
    }
    return { status: 200, body: { code: 500, message: 'No such route', file: '/srv/app/Handler.php', line: 12 } }
  }

  const start = async (name: 'api' | 'gpu', answer: typeof gpu): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
    const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://server')
      const path = pathname.replace('/api/heygem/', '')
      const what = `${name} ${request.method ?? ''} ${path}`
      asked.push(what)
      const held = holds.get(what)
      held?.tell()
      await held?.released
      const { status, body, headers } = await answer(path, searchParams, request)
      const content = Buffer.isBuffer(body) ? body : typeof body === 'string' ? body : JSON.stringify(body)
      response.writeHead(status, { 'Content-Length': Buffer.byteLength(content), ...headers }).end(content)
    }
    const server = createServer((request, response) => void handle(request, response).catch(() => request.destroy()))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    }
  }
  const servers = { api: await start('api', api), gpu: await start('gpu', gpu) }

  return {
    apiUrl: servers.api.url,
    gpuUrl: servers.gpu.url,
    asked,
    submits,
    mediaBytes: () => mediaBytes,
    hold: (what) => {
      let [tell, release] = [(): void => undefined, (): void => undefined]
      const arrived = new Promise<void>((resolve) => (tell = resolve))
      const released = new Promise<void>((resolve) => (release = resolve))
      holds.set(what, { tell, released })
      return {
        arrived,
        release: () => {
          holds.delete(what)
          release()
        },
      }
    },
    now,
    restartGpu: () => tasks.clear(),
    dropFiles: () => files.clear(),
    close: async () => void (await Promise.all([servers.api.close(), servers.gpu.close()])),
  }
}

interface Reply {
  readonly status: number
  /** Bytes and text as they are; the rest as JSON. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}
