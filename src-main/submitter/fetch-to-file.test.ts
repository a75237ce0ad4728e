import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DeskError } from '../../src-shared/errors'
import { diskError, fetchToFile, type FileFetch } from './fetch-to-file'
import { failureOf, never, stopOf } from './testing/failure-of'
import { deadAddress, startDeafServer, startScriptedServer, startSocketServer, type ScriptedServer } from './testing/scripted-server'
import { useTempDirs } from './testing/temp-dir'

describe('fetchToFile', () => {
  const tempDir = useTempDirs()
  let server: ScriptedServer
  let path: string
  beforeEach(async () => {
    server = await startScriptedServer()
    path = join(tempDir(), 'result.part')
  })
  afterEach(() => server.close())

  const refused: { status: number; text: string }[] = []
  const fetchIt = (more: Partial<FileFetch> = {}) =>
    fetchToFile({
      server: 'gpu',
      url: `${server.url}/download?task_id=t`,
      headers: { Authorization: 'Bearer gpu-secret' },
      path,
      report: () => undefined,
      signal: never,
      refusal: (status, text) => {
        refused.push({ status, text })
        return new DeskError('server_refused', { status })
      },
      ...more,
    })

  it('stores the body as it is and counts it', async () => {
    writeFileSync(path, 'an older and longer content than the new one has')
    const reports: [number, number | null][] = []
    const fetched = fetchIt({ report: (done, total) => reports.push([done, total]) })
    const asked = await server.next()
    expect(asked).toMatchObject({ method: 'GET', url: '/download?task_id=t', headers: { authorization: 'Bearer gpu-secret' } })
    asked.answer(200, 'the whole result', { 'Content-Type': 'video/mp4' })
    expect(await fetched).toEqual({ sizeBytes: 16 })
    expect(readFileSync(path, 'utf8')).toBe('the whole result')
    expect(reports.at(-1)).toEqual([16, 16])
  })

  it('passes megabytes through in order', async () => {
    const content = Buffer.alloc(5 * 1024 * 1024 + 3)
    for (let at = 0; at + 4 <= content.length; at += 4) content.writeUInt32LE(at, at)
    const fetched = fetchIt()
    ;(await server.next()).answer(200, content)
    await fetched
    expect(readFileSync(path).equals(content)).toBe(true)
  })

  it('counts without a total where the server names no length', async () => {
    const reports: (number | null)[] = []
    const fetched = fetchIt({ report: (_done, total) => reports.push(total) })
    const { response } = await server.next()
    response.write('some')
    response.end(' more')
    expect(await fetched).toEqual({ sizeBytes: 9 })
    expect(new Set(reports)).toEqual(new Set([null]))
  })

  it('asks for the file as it is: a packed one would be no video', async () => {
    const fetched = fetchIt()
    const asked = await server.next()
    const packs = /gzip/.test(String(asked.headers['accept-encoding'] ?? ''))
    asked.answer(200, packs ? gzipSync('plain') : 'plain', packs ? { 'Content-Encoding': 'gzip' } : {})
    await fetched
    expect(readFileSync(path, 'utf8')).toBe('plain')
  })

  it.each([0, 1, 70_000])('knows a body that was cut off after %i bytes', async (bytes) => {
    const failure = failureOf(fetchIt())
    const asked = await server.next()
    asked.response.writeHead(200, { 'Content-Length': 100_000 })
    if (bytes > 0) await new Promise((resolve) => asked.response.write(Buffer.alloc(bytes), resolve))
    else asked.response.flushHeaders()
    asked.request.socket.destroySoon()
    const error = await failure
    expect(error.toData()).toEqual({ code: 'result_truncated', detail: { expected: 100_000, actual: bytes, host: server.host } })
    expect(error.transient).toBe(true)
  })

  it('knows a body that was cut off without an announced length', async () => {
    const failure = failureOf(fetchIt())
    const asked = await server.next()
    await new Promise((resolve) => asked.response.write('half', resolve))
    asked.reset()
    expect((await failure).code).toBe('result_truncated')
  })

  it('takes no empty body for a result', async () => {
    const failure = failureOf(fetchIt())
    ;(await server.next()).answer(200, '')
    expect((await failure).toData()).toMatchObject({ code: 'result_truncated', detail: { actual: 0 } })
  })

  it('takes no more than was announced', async () => {
    const wrong = await startSocketServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfour and much more')))
    try {
      await fetchIt({ url: wrong.url }).catch(() => undefined)
      expect(existsSync(path) ? readFileSync(path, 'utf8') : '').not.toContain('much more')
    } finally {
      await wrong.close()
    }
  })

  it.each([
    [400, '{"code":400,"msg":"not done"}', 'application/json'],
    [404, '<html></html>', 'text/html'],
    [500, '', 'text/plain'],
    [206, 'part', 'video/mp4'],
    [302, 'elsewhere', 'text/plain'],
    [200, '{"code":401}', 'application/json'],
    [200, '<html></html>', 'text/html; charset=utf-8'],
  ])('asks what %i %j (%s) means and stores nothing', async (status, body, contentType) => {
    refused.length = 0
    const other = await startScriptedServer()
    try {
      const failure = failureOf(fetchIt())
      ;(await server.next()).answer(status, body, { 'Content-Type': contentType, ...(status === 302 ? { Location: other.url } : {}) })
      expect((await failure).toData()).toEqual({ code: 'server_refused', detail: { status } })
      expect(refused).toEqual([{ status, text: body }])
      expect(existsSync(path)).toBe(false)
      expect(other.seen()).toBe(0)
    } finally {
      await other.close()
    }
  })

  it('says that nobody listens', async () => {
    expect((await failureOf(fetchIt({ url: await deadAddress() }))).code).toBe('server_unreachable')
  })

  it('says that the connection broke before a reply', async () => {
    const failure = failureOf(fetchIt())
    ;(await server.next()).reset()
    expect((await failure).code).toBe('server_unreachable')
  })

  it.each(['before the reply', 'within the body', 'within a refusal'])('gives up on a server that falls silent %s', async (when) => {
    const failure = failureOf(fetchIt({ idleTimeoutMs: 80 }))
    const asked = await server.next()
    if (when !== 'before the reply') asked.response.writeHead(when === 'within the body' ? 200 : 400, { 'Content-Length': 100 }).write('some')
    expect((await failure).toData()).toMatchObject({ code: 'server_timeout', detail: { host: server.host } })
    await asked.hungUp
  })

  it('has patience with a server that is slow but not silent', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let arrived = 0
      const failure = failureOf(fetchIt({ report: (done) => (arrived = done) }))
      const { response } = await server.next()
      response.writeHead(200, { 'Content-Length': 100 })
      for (let pieces = 1; pieces <= 4; pieces++) {
        vi.advanceTimersByTime(40_000)
        response.write('x')
        while (arrived < pieces) await new Promise(setImmediate)
      }
      vi.advanceTimersByTime(60_000)
      expect((await failure).code).toBe('server_timeout')
      expect(arrived).toBe(4)
    } finally {
      vi.useRealTimers()
    }
  })

  it.runIf(process.platform === 'linux')('gives up on a machine that does not answer at all (made on Linux only)', async () => {
    const deaf = await startDeafServer()
    try {
      expect((await failureOf(fetchIt({ url: deaf.url, idleTimeoutMs: 80 }))).code).toBe('server_timeout')
    } finally {
      deaf.close()
    }
  })

  it('stops midway when it is asked to, and hangs up', async () => {
    const stopping = new AbortController()
    let started = (): void => undefined
    const some = new Promise<void>((resolve) => (started = resolve))
    const stopped = stopOf(fetchIt({ signal: stopping.signal, report: () => started() }))
    const asked = await server.next()
    asked.response.writeHead(200, { 'Content-Length': 100 }).write('some')
    await some
    stopping.abort()
    await stopped
    await asked.hungUp
  })

  it('asks nothing when it was stopped before', async () => {
    await stopOf(fetchIt({ signal: AbortSignal.abort() }))
    expect(server.seen()).toBe(0)
  })

  it('says that the folder is gone', async () => {
    const failure = failureOf(fetchIt({ path: join(path, '..', 'gone', 'result.part') }))
    ;(await server.next()).answer(200, 'content')
    expect((await failure).toData()).toEqual({ code: 'output_missing', detail: { folder: 'gone' } })
  })

  it.runIf(process.platform === 'linux')('says that the disk is full (on Linux, which has a device that always is)', async () => {
    const failure = failureOf(fetchIt({ path: '/dev/full' }))
    ;(await server.next()).answer(200, 'content')
    expect((await failure).toData()).toEqual({ code: 'disk_full', detail: { folder: 'dev' } })
  })

  it('does not blame the server for what the disk refuses', async () => {
    mkdirSync(path)
    const failure = failureOf(fetchIt())
    ;(await server.next()).answer(200, 'content')
    expect((await failure).code).toBe('output_not_writable')
  })
})

describe('diskError', () => {
  it.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['ENOENT', 'output_missing'],
    ['ENOTDIR', 'output_missing'],
    ['EACCES', 'output_not_writable'],
    ['EPERM', 'output_not_writable'],
    ['EROFS', 'output_not_writable'],
  ])('takes %s for %s and names the folder only', (code, means) => {
    expect(diskError(Object.assign(new Error(), { code }), '/home/someone/Videos')?.toData()).toEqual({ code: means, detail: { folder: 'Videos' } })
  })

  it('takes what else a file system refuses for not writable', () => {
    expect(diskError(Object.assign(new Error(), { code: 'EFBIG', syscall: 'write' }), '/x')?.code).toBe('output_not_writable')
  })

  it('knows nothing of other errors', () => {
    expect(diskError(Object.assign(new Error(), { code: 'ECONNRESET', syscall: 'read' }), '/x')).toBeNull()
    expect(diskError(null, '/x')).toBeNull()
  })
})
