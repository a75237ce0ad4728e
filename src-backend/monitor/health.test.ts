import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { askHealth } from './health'

const queue = (processing: number, queued: number) => ({ total_tasks: 9, processing, queued, max_concurrent: 1 })
const signal = new AbortController().signal

it.each<[name: string, answer: RequestListener, ready: boolean, busy: boolean]>([
  ['can render', (_request, response) => response.end(JSON.stringify({ code: 0, msg: 'ok', initialized: true, queue: queue(0, 0) })), true, false],
  ['renders', (_request, response) => response.end(JSON.stringify({ code: 0, initialized: true, queue: queue(1, 0) })), true, true],
  ['has a task that waits', (_request, response) => response.end(JSON.stringify({ code: 0, initialized: true, queue: queue(0, 1) })), true, true],
  ['says no more than it must', (_request, response) => response.end(JSON.stringify({ code: 0, initialized: true })), true, false],
  ['is not ready yet', (_request, response) => response.end(JSON.stringify({ code: 0, initialized: false, queue: queue(0, 0) })), false, false],
  ['fails', (_request, response) => response.writeHead(502).end(JSON.stringify({ code: 0, initialized: true })), false, false],
  ['is something else', (_request, response) => response.end('<html></html>'), false, false],
  ['says nothing', () => undefined, false, false],
])('a service that %s', async (_name, answer, ready, busy) => {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/api/heygem/health`
  expect(await askHealth(url, answer.length === 0 ? 50 : 10_000, signal)).toEqual({ ready, busy })
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
  expect(await askHealth(url, 10_000, signal)).toEqual({ ready: false, busy: false })
})
