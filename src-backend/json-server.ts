// What both HTTP servers share: JSON in and out, whatever goes wrong, and never a page of HTML. JSON is read whatever the
// Content-Type says (contract.md §1.0); a multipart body is left as a stream for the route that wants it.
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { reasonOf, type Log } from './log'

/** Thrown by routes: an answer that is not a success. */
export class HttpFailure extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** More top-level fields of the envelope. */
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
  }
}

export interface JsonServerOptions {
  readonly log: Log
  /** How this server says a failure. */
  readonly envelope: (failure: HttpFailure) => { readonly status: number; readonly body: object }
}

const jsonLimitBytes = 1024 * 1024

export function createJsonServer(options: JsonServerOptions): FastifyInstance {
  const { log } = options
  const answer = (failure: HttpFailure, reply: FastifyReply): FastifyReply => {
    const { status, body } = options.envelope(failure)
    return reply.code(status).send(body)
  }
  const server = Fastify({
    logger: false,
    bodyLimit: jsonLimitBytes,
    forceCloseConnections: true,
    // An upload of gigabytes over a slow line takes longer than any limit on the whole request.
    requestTimeout: 0,
    routerOptions: {
      ignoreTrailingSlash: true,
      onBadUrl(_path, _request, response) {
        writeRaw(response, options.envelope(new HttpFailure(400, 'bad request: the address is malformed')))
      },
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) return
      const body = JSON.stringify(options.envelope(new HttpFailure(400, 'bad request')).body)
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
          `Connection: close\r\n\r\n${body}`,
      )
    },
  })
  server.removeAllContentTypeParsers()
  server.addHook('onRequest', (request, _reply, done) => {
    // Whatever is no form is read as JSON: also what calls itself by a name that no parser would take.
    const { headers } = request.raw
    if (headers['content-type'] !== undefined && !/^multipart\/form-data\b/i.test(headers['content-type'])) {
      headers['content-type'] = 'application/json'
    }
    done()
  })
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  server.addContentTypeParser('multipart/form-data', (_request, _payload, done) => {
    done(null, undefined)
  })
  server.setErrorHandler((error, request, reply) => {
    const failure = toFailure(error)
    if (failure.status >= 500) {
      log.error('request_failed', { method: request.method, path: pathOf(request), reason: reasonOf(error) })
    }
    if (reply.raw.headersSent) {
      reply.raw.destroy()
      return reply
    }
    return answer(failure, reply)
  })
  const knownPaths = new Set<string>()
  server.addHook('onRoute', (route) => {
    knownPaths.add(route.url)
  })
  server.setNotFoundHandler((request, reply) =>
    answer(
      knownPaths.has(pathOf(request))
        ? new HttpFailure(405, `method not allowed: ${request.method}`)
        : new HttpFailure(404, 'not found: no such address here'),
      reply,
    ),
  )
  return server
}

/** Without the query, in which older clients carry secrets. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

export function parseJsonBody<T>(request: FastifyRequest, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = JSON.parse(Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '')
  } catch {
    throw new HttpFailure(400, 'bad request: the body is not JSON')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue && issue.path.length > 0 ? ` at ${issue.path.join('.')}` : ''
  throw new HttpFailure(400, `bad request${where}: ${issue?.message ?? 'wrong shape'}`)
}

/** One query parameter; '' when it is absent or given more than once. */
export function queryValue(request: FastifyRequest, name: string): string {
  const value = (request.query as Record<string, unknown>)[name]
  return typeof value === 'string' ? value.trim() : ''
}

const clientIdLimit = 64

/** The client's own id for what it asks: from the body, else from the header; undefined when it gave none. */
export function clientIdOf(request: FastifyRequest, fromBody: string | undefined): string | undefined {
  const header = request.headers['idempotency-key']
  const id = (fromBody ?? (typeof header === 'string' ? header : '')).trim()
  if (id.length > clientIdLimit) throw new HttpFailure(400, `bad request: Idempotency-Key is longer than ${String(clientIdLimit)}`)
  return id === '' ? undefined : id
}

function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown }
  if (code === 'ENOSPC' || code === 'EDQUOT') return new HttpFailure(507, 'the disk of the server is full')
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new HttpFailure(statusCode, statusCode === 413 ? 'request too large' : `bad request: ${reasonOf(error)}`)
  }
  return new HttpFailure(500, 'internal error')
}

function writeRaw(
  response: { statusCode: number; setHeader(name: string, value: string): unknown; end(body: string): unknown },
  answer: { readonly status: number; readonly body: object },
): void {
  response.statusCode = answer.status
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(answer.body))
}
