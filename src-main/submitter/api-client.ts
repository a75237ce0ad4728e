// The API server over HTTP (contract.md §2): the only place that knows its envelope. Business failures come as HTTP 200;
// who refuses what, and why, is told by `reason` on our backend and by literals in the text on the deployed one.
import { DeskError, type ErrorCode } from '../../src-shared/errors'
import {
  apiEnvelopeSchema,
  apiFailureCode,
  apiHeaders,
  apiPaths,
  apiReasonSchema,
  apiStatusReplySchema,
  apiSubmitReplySchema,
  capabilitiesReplySchema,
  type ApiReason,
  type ApiStatus,
  type ApiSubmitRequest,
} from '../../src-shared/api-contract'
import { checkFilesReplySchema, uploadReplySchema } from '../../src-shared/gpu-contract'
import type { FileStore } from './file-store'
import { hostOf, isSilent, parseReply, requestJson, saidBy, statusError, type JsonReply } from './json-request'
import { postFile } from './post-file'
import type { ServerMemory, Servers } from './servers'

const server = 'api'

export interface ApiClient {
  /** Asks for a task; answers its id. The same `client_task_id` gets the same task where the server knows it. */
  submit: (task: Omit<ApiSubmitRequest, 'license_key'> & { client_task_id: string }, signal: AbortSignal) => Promise<{ taskId: string; status: string }>
  /**
   * Throws what is wrong with the license or the secret; asked before anything big is sent. There is no route for it: the
   * license check stands before every route (§2.2), so the status of a task that cannot exist is asked for.
   */
  checkLicense: (signal: AbortSignal) => Promise<void>
  /** What our own backend can do; null on a server that does not know the question. */
  capabilities: (signal: AbortSignal) => Promise<{ readonly storesFiles: boolean } | null>
  /** The API's own store of inputs, where it has one: for a GPU machine that is off. */
  files: FileStore
  /** Null when the server does not know the task. */
  status: (taskId: string, signal: AbortSignal) => Promise<ApiStatus | null>
}

type ApiBody = Readonly<Record<string, unknown>>

interface ApiReply {
  readonly data: unknown
  readonly reason: string | null
}

const codeOfReason: Record<ApiReason, ErrorCode> = {
  license_missing: 'license_missing',
  license_unknown: 'license_unknown',
  license_expired: 'license_expired',
  license_disabled: 'license_refused',
  license_not_started: 'license_refused',
  machine_code_missing: 'license_refused',
  other_device: 'license_refused',
  bad_request: 'server_refused',
  inputs_missing: 'server_refused',
  queue_full: 'server_busy',
  task_unknown: 'task_lost',
  gpu_unreachable: 'server_failed',
  store_unavailable: 'server_failed',
}

/** Texts of deployed servers; §2.2 names the first two as what existing clients search for. */
const codeOfText: readonly (readonly [RegExp, ErrorCode])[] = [
  [/任务|task/i, 'task_lost'],
  [/过期|expired/i, 'license_expired'],
  [/不存在|无效|not found|invalid|unknown (card|license|key)/i, 'license_unknown'],
  [/缺少 ?Authorization/i, 'license_missing'],
  [/禁用|封禁|绑定|未生效|设备|卡密|license/i, 'license_refused'],
]

export function createApiClient(servers: Servers, memory: ServerMemory): ApiClient {
  const baseUrl = servers.apiUrl
  const host = hostOf(baseUrl)
  const secrets = [servers.licenseKey, servers.apiSecret, servers.gpuSecret]

  const request = async (asSecret: boolean, method: 'GET' | 'POST', path: string, signal: AbortSignal, rest: { query?: Record<string, string>; body?: ApiBody }): Promise<ApiReply> => {
    const headers = headersFor(asSecret, rest.body !== undefined)
    if (typeof rest.body?.['client_task_id'] === 'string') headers[apiHeaders.idempotencyKey] = rest.body['client_task_id']
    const body = rest.body === undefined ? undefined : { ...rest.body, license_key: servers.licenseKey }
    const reply = await requestJson({ server, method, baseUrl, path, headers, timeoutMs: 30_000, signal, ...(rest.query ? { query: rest.query } : {}), body })
    return replyOf(asSecret, reply)
  }

  const headersFor = (asSecret: boolean, hasBody: boolean): Record<string, string> => ({
    [apiHeaders.authorization]: `Bearer ${asSecret ? servers.apiSecret : servers.licenseKey}`,
    [apiHeaders.machineCode]: servers.machineCode,
    [apiHeaders.deviceType]: 'pc',
    // Where the Bearer is a shared secret the key travels in the body, or in a header where there is no body.
    ...(asSecret && !hasBody ? { [apiHeaders.licenseKey]: servers.licenseKey } : {}),
  })

  /** The reply of a success; refusals by their reason, or by what their text says. */
  const replyOf = (asSecret: boolean, reply: JsonReply): ApiReply => {
    const parsed = apiEnvelopeSchema.safeParse(reply.json)
    if (!parsed.success) throw statusError(server, host, reply.status) ?? new DeskError('server_bad_reply', { server, host })
    const { code, msg, message, reason, data } = parsed.data
    if (code === 0) return { data, reason: reason ?? null }
    const said = saidBy(msg ?? message, secrets)
    const known = apiReasonSchema.safeParse(reason)
    if (known.success) throw new DeskError(codeOfReason[known.data], { server, host, said, reason: known.data })
    const byText = codeOfText.find(([pattern]) => pattern.test(said))
    if (byText && (code === apiFailureCode || code === 401 || code === 403)) throw new DeskError(byText[1], { server, host, said })
    // Refused without a word about the license: where a secret is set, that is what does not fit.
    if (code === 401 || code === 403 || /unauthori[sz]ed/i.test(said)) throw new DeskError(servers.apiSecret === '' ? 'license_refused' : 'secret_wrong', { server, host, said })
    if (code === 429) throw new DeskError('server_busy', { server, host, said })
    if (code === 413) throw new DeskError('upload_too_large', { server, host })
    if (code === 507) throw new DeskError('server_disk_full', { server, host })
    throw new DeskError(code >= 500 ? 'server_failed' : 'server_refused', { server, host, said })
  }

  /**
   * An installation takes either the license key or a shared secret as its Bearer. Where a secret is set it is tried
   * first; an API that refuses it as a license is asked once more with the key, and the answer is remembered.
   */
  const ask = async (method: 'GET' | 'POST', path: string, signal: AbortSignal, rest: { query?: Record<string, string>; body?: ApiBody }): Promise<ApiReply> => {
    if (servers.licenseKey === '') throw new DeskError('license_missing', { server, host })
    if (servers.apiSecret === '') return request(false, method, path, signal, rest)
    const remembered = memory.apiTakesSecret(baseUrl)
    const first = remembered ?? true
    try {
      const data = await request(first, method, path, signal, rest)
      if (remembered === null) memory.rememberApiTakesSecret(baseUrl, first)
      return data
    } catch (thrown) {
      if (!(thrown instanceof DeskError) || !refusesBearer.has(thrown.code)) throw thrown
      const data = await request(!first, method, path, signal, rest).catch((second: unknown) => {
        if (!(second instanceof DeskError) || !refusesBearer.has(second.code)) throw second
        // Both refused: what was said of the license itself tells the person more than "wrong secret".
        const [withSecret, withLicense] = first ? [thrown, second] : [second, thrown]
        throw withLicense.code === 'secret_wrong' ? withSecret : withLicense
      })
      memory.rememberApiTakesSecret(baseUrl, !first)
      return data
    }
  }

  const parsed = <T>(result: { success: true; data: T } | { success: false; error: unknown }): T => {
    if (!result.success) throw new DeskError('server_bad_reply', { server, host }, result.error)
    return result.data
  }

  const status: ApiClient['status'] = async (taskId, signal) => {
    try {
      const { data, reason } = await ask('GET', apiPaths.status, signal, { query: { task_id: taskId } })
      // Our backend says `error` under `code 0`, for clients that would ask for ever (quirk 33), and why beside it.
      return reason === 'task_unknown' ? null : parsed(apiStatusReplySchema.safeParse(data))
    } catch (thrown) {
      // Missing or expired is `code 7` on the deployed server (§2.4), with a text about the task.
      if (thrown instanceof DeskError && (thrown.code === 'server_refused' || thrown.code === 'task_lost')) return null
      throw thrown
    }
  }

  const files: FileStore = {
    async checkFiles(asked, signal) {
      const { data } = await ask('POST', apiPaths.checkFiles, signal, { body: { files: asked } })
      return parsed(checkFilesReplySchema.safeParse(data))
    },
    async uploadFile({ path, name, sizeBytes, md5, ext }, report, signal) {
      // Which Bearer the API takes is known by now: what it lacks was asked for before.
      const asSecret = servers.apiSecret !== '' && (memory.apiTakesSecret(baseUrl) ?? true)
      const reply = await postFile({
        server,
        url: baseUrl + apiPaths.uploadFile,
        headers: headersFor(asSecret, false),
        fields: { hash: md5, ext },
        file: { path, name, sizeBytes },
        report,
        signal,
      })
      const { data } = replyOf(asSecret, { status: reply.status, json: parseReply(server, host, reply.status, reply.text) })
      return parsed(uploadReplySchema.safeParse(data)).hash
    },
  }

  return {
    status,
    files,
    async capabilities(signal) {
      try {
        const { data } = replyOf(false, await requestJson({ server, method: 'GET', baseUrl, path: apiPaths.capabilities, headers: headersFor(false, false), timeoutMs: 10_000, signal }))
        return { storesFiles: parsed(capabilitiesReplySchema.safeParse(data)).stores_files }
      } catch (thrown) {
        // A server that answers, but not this: the deployed one, for which it is an exception (§2.0).
        if (thrown instanceof DeskError && !isSilent(thrown)) return null
        throw thrown
      }
    },
    async checkLicense(signal) {
      await status('lipsync-desk-license-check', signal)
    },
    async submit(task, signal) {
      const { data } = await ask('POST', apiPaths.submit, signal, { body: task }).catch((thrown: unknown) => {
        // Words about a task that was never there: it was refused, not lost.
        throw thrown instanceof DeskError && thrown.code === 'task_lost' ? new DeskError('server_refused', thrown.detail, thrown) : thrown
      })
      const reply = parsed(apiSubmitReplySchema.safeParse(data))
      return { taskId: reply.task_id, status: reply.status }
    },
  }
}

const refusesBearer: ReadonlySet<ErrorCode> = new Set(['license_missing', 'license_unknown', 'license_refused', 'secret_wrong'])
