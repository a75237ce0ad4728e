// One JSON exchange with a server, by axios: limits, and every way it can go wrong as a typed error. What the envelope's
// code means is for api-client.ts and gpu-client.ts.
import axios from 'axios'
import { DeskError, type ServerName } from '../../src-shared/errors'
import { Stopped } from './retry'

export interface JsonRequest {
  readonly server: ServerName
  readonly method: 'GET' | 'POST'
  /** Address of the server, without a trailing slash. */
  readonly baseUrl: string
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface JsonReply {
  readonly status: number
  readonly json: unknown
}

const maxReplyBytes = 8 * 1024 * 1024

/** The reply with its JSON parsed, whatever its status; throws where there is none. Redirects are not followed. */
export async function requestJson(request: JsonRequest): Promise<JsonReply> {
  const { server, signal } = request
  const host = hostOf(request.baseUrl)
  checkHeaders(request.headers, server, host)
  try {
    const reply = await axios.request<string>({
      method: request.method,
      url: request.baseUrl + request.path,
      params: request.query,
      headers: { Accept: 'application/json', ...request.headers },
      data: request.body,
      timeout: request.timeoutMs,
      signal,
      responseType: 'text',
      transformResponse: (text: string) => text,
      validateStatus: () => true,
      // A redirect would carry the keys to another host.
      maxRedirects: 0,
      maxContentLength: maxReplyBytes,
      proxy: false,
    })
    return { status: reply.status, json: parseReply(server, host, reply.status, reply.data) }
  } catch (thrown) {
    if (signal.aborted) throw new Stopped()
    throw networkError(thrown, server, host)
  }
}

/** Throws where a key does not fit into a header: axios would leave such signs out and send another key. */
export function checkHeaders(headers: Readonly<Record<string, string>>, server: ServerName, host: string): void {
  if (Object.values(headers).every((value) => /^[\x20-\x7e]*$/.test(value))) return
  throw new DeskError(server === 'gpu' ? 'secret_wrong' : 'license_unknown', { server, host })
}

export function parseReply(server: ServerName, host: string, status: number, text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json === 'object' && json !== null) return json
  } catch {
    // Said below, by what the status tells.
  }
  throw statusError(server, host, status) ?? new DeskError('server_not_json', { server, host, status })
}

/** What an HTTP status alone says, where the body says nothing; null for those that say nothing either. */
export function statusError(server: ServerName, host: string, status: number): DeskError | null {
  if (status === 401 || status === 403) return new DeskError('secret_wrong', { server, host })
  if (status === 413) return new DeskError('upload_too_large', { server, host })
  if (status === 429) return new DeskError('server_busy', { server, host })
  if (status === 507) return new DeskError('server_disk_full', { server, host })
  if (status >= 500) return new DeskError('server_failed', { server, host, said: `HTTP ${status}` })
  return null
}

export function networkError(thrown: unknown, server: ServerName, host: string): DeskError {
  if (thrown instanceof DeskError) return thrown
  const code = (thrown as { code?: unknown } | null)?.code
  const detail = { server, host, ...(typeof code === 'string' ? { system: code } : {}) }
  if (code === 'ECONNABORTED' || code === 'ETIMEDOUT' || code === 'ESOCKETTIMEDOUT') return new DeskError('server_timeout', detail, thrown)
  if (code === 'ERR_INVALID_URL') return new DeskError('address_malformed', { server, address: host }, thrown)
  // axios has one code for a reply that is too long and for one that was cut off; only the first is the server's fault.
  const tooLong = code === 'ERR_BAD_RESPONSE' && thrown instanceof Error && thrown.message.startsWith('maxContentLength')
  if (tooLong || (typeof code === 'string' && code.startsWith('HPE_'))) return new DeskError('server_not_json', detail, thrown)
  return new DeskError('server_unreachable', detail, thrown)
}

/** The server did not answer at all, as one does that is off. */
export const isSilent = (error: DeskError): boolean => error.code === 'server_unreachable' || error.code === 'server_timeout'

/** Host and port for people to recognise; never the path or what follows it. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}

/** A server's own words, fit to be shown: one line, no markup, short, and without the keys we sent. */
export function saidBy(words: string | undefined, secrets: readonly string[]): string {
  let said = (words ?? '').replaceAll(/<[^>]*>/g, ' ').replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  for (const secret of secrets) if (secret.length >= 4) said = said.replaceAll(secret, '•••')
  return said.length > 300 ? `${said.slice(0, 299)}…` : said
}
