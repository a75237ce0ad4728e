// Serves the engine's inputs over HTTP, for images of the engine that take nothing but addresses. Behind a random path,
// because whoever is on that network could otherwise fetch what people upload.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

export interface DuixFiles {
  /** What the names of the files are appended to. */
  readonly url: string
  close(): Promise<void>
}

/** `publicUrl` is this machine as the engine sees it; its port is listened on. */
export async function serveDuixFiles(tempDir: string, publicUrl: string): Promise<DuixFiles> {
  const token = randomBytes(16).toString('hex')
  const server = createServer((request, response) => {
    send(tempDir, token, request, response).catch(() => {
      response.destroy()
    })
  })
  const address = new URL(publicUrl)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(Number(address.port || 80), () => {
      resolve()
    })
  })
  return {
    url: `${publicUrl.replace(/\/+$/, '')}/${token}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

async function send(tempDir: string, token: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = new RegExp(`^(?:/[^?]*)?/${token}/([\\w-]+\\.(?:wav|mp4))$`).exec(request.url ?? '')?.[1]
  const path = name === undefined ? undefined : join(tempDir, name)
  const found = path === undefined ? undefined : await stat(path).catch(() => undefined)
  if (path === undefined || !found?.isFile() || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(200, { 'Content-Length': found.size })
  if (request.method === 'HEAD') response.end()
  else await pipeline(createReadStream(path), response)
}
