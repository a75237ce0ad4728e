// A server that the test plays itself: a request waits until the test looks at it and answers. What it is asked can be
// checked line by line, and what it answers can be as wrong as a test wants.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'

export interface Asked {
  readonly method: string
  /** As it came over the wire, query included. */
  readonly url: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  readonly body: () => Promise<Buffer>
  readonly json: () => Promise<unknown>
  /** Text as it is; anything else as JSON. */
  readonly answer: (status: number, body: unknown, headers?: Readonly<Record<string, string | number>>) => void
  /** Cuts the connection, as a crash does. */
  readonly reset: () => void
  /** Resolves when the client has hung up. */
  readonly hungUp: Promise<void>
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export interface ScriptedServer {
  readonly url: string
  /** `127.0.0.1:port`, as errors name it. */
  readonly host: string
  /** The next request that nobody has looked at yet. */
  readonly next: () => Promise<Asked>
  /** How many requests came in all. */
  readonly seen: () => number
  readonly close: () => Promise<void>
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const unread: Asked[] = []
  const takers: ((asked: Asked) => void)[] = []
  let seen = 0
  const server = createServer((request, response) => {
    seen++
    const asked = readAsked(request, response)
    const taker = takers.shift()
    if (taker) taker(asked)
    else unread.push(asked)
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    next: async () => unread.shift() ?? (await new Promise((resolve) => takers.push(resolve))),
    seen: () => seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function readAsked(request: IncomingMessage, response: ServerResponse): Asked {
  const url = request.url ?? ''
  const { pathname, searchParams } = new URL(url, 'http://server')
  const body = (): Promise<Buffer> => buffer(request)
  return {
    method: request.method ?? '',
    url,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: request.headers,
    body,
    json: async () => JSON.parse((await body()).toString('utf8')) as unknown,
    answer: (status, content, headers = {}) => {
      const text = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content)
      response.writeHead(status, { 'Content-Length': Buffer.byteLength(text), ...headers }).end(text)
    },
    reset: () => void request.socket.resetAndDestroy(),
    hungUp: new Promise((resolve) => request.socket.once('close', () => resolve())),
    request,
    response,
  }
}

/** A server below HTTP: each connection is the callback's, from its first byte on. */
export async function startSocketServer(talk: (socket: Socket) => void): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const open = new Set<Socket>()
  const server = createSocketServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
    talk(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

/** An address of this machine where nobody listens. */
export async function deadAddress(): Promise<string> {
  const { url, close } = await startSocketServer(() => undefined)
  await close()
  return url
}

/** A server in a program of its own: a JavaScript expression that makes it. */
export async function startProgram(server: string, andThen = ''): Promise<{ readonly url: string; readonly close: () => void }> {
  const program = spawn(process.execPath, ['-e', `(${server}).listen(0, '127.0.0.1', 1, function () { console.log(this.address().port); ${andThen} })`])
  const [port] = (await once(createInterface({ input: program.stdout }), 'line')) as [string]
  return { url: `http://127.0.0.1:${port}`, close: () => void program.kill('SIGKILL') }
}

/** A server whose machine answers no connection: as behind a wall that drops everything. Linux only. */
export async function startDeafServer(): Promise<{ readonly url: string; readonly close: () => void }> {
  // Its program sleeps from the start and its queue holds two: whoever comes after these is not even refused.
  const program = await startProgram(`require('node:net').createServer()`, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
  const filling = Array.from({ length: 2 }, () => connect(Number(new URL(program.url).port), '127.0.0.1').on('error', () => undefined))
  await Promise.all(filling.map((socket) => once(socket, 'connect')))
  return {
    url: program.url,
    close: () => {
      program.close()
      for (const socket of filling) socket.destroy()
    },
  }
}
