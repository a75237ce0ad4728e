import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, readdirSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { postFile, type FilePost } from './post-file'
import { failureOf, never, stopOf } from './testing/failure-of'
import { deadAddress, startDeafServer, startProgram, startScriptedServer, startSocketServer, type ScriptedServer } from './testing/scripted-server'
import { useTempDirs } from './testing/temp-dir'

const MiB = 1024 * 1024

describe('postFile', () => {
  const tempDir = useTempDirs()
  let server: ScriptedServer
  let dir: string
  beforeEach(async () => {
    server = await startScriptedServer()
    dir = tempDir()
  })
  afterEach(() => server.close())

  const random = (sizeBytes: number, name = 'presenter.mp4'): { path: string; name: string; sizeBytes: number; content: Buffer } => {
    const [path, content] = [join(dir, 'content'), randomBytes(sizeBytes)]
    writeFileSync(path, content)
    return { path, name, sizeBytes, content }
  }
  /** Takes no room on the disk. */
  const sparse = (sizeBytes: number): { path: string; name: string; sizeBytes: number } => {
    const path = join(dir, 'sparse')
    writeFileSync(path, '')
    truncateSync(path, sizeBytes)
    return { path, name: 'presenter.mp4', sizeBytes }
  }
  const send = (file: FilePost['file'], more: Partial<FilePost> = {}) =>
    postFile({
      server: 'gpu',
      url: `${server.url}/upload`,
      headers: { Authorization: 'Bearer gpu-secret' },
      fields: { hash: 'abc', ext: '.mp4' },
      file,
      report: () => undefined,
      signal: never,
      ...more,
    })
  const openFiles = (): string[] =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)]
      } catch {
        return []
      }
    })

  it('sends exactly these bytes', async () => {
    writeFileSync(join(dir, 'tiny'), 'content')
    const reply = send({ path: join(dir, 'tiny'), name: 'tiny.mp4', sizeBytes: 7 })
    const asked = await server.next()
    const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(asked.headers['content-type'] ?? '')?.[1]
    const body = [
      `--${boundary}\r\nContent-Disposition: form-data; name="hash"\r\n\r\nabc\r\n`,
      `--${boundary}\r\nContent-Disposition: form-data; name="ext"\r\n\r\n.mp4\r\n`,
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="tiny.mp4"\r\nContent-Type: application/octet-stream\r\n\r\ncontent\r\n`,
      `--${boundary}--\r\n`,
    ].join('')
    expect((await asked.body()).toString()).toBe(body)
    expect(asked).toMatchObject({ method: 'POST', url: '/upload' })
    expect(asked.headers).toMatchObject({ authorization: 'Bearer gpu-secret', 'content-length': String(body.length) })
    expect(asked.headers['transfer-encoding']).toBeUndefined()
    asked.answer(200, { code: 0 })
    expect(await reply).toEqual({ status: 200, text: '{"code":0}' })
  })

  it.each([1, MiB / 2, MiB - 1, MiB, MiB + 1, 4 * MiB, 9 * MiB])('sends a file of %i bytes whole, as a form that others read', async (sizeBytes) => {
    const file = random(sizeBytes)
    const reported: number[] = []
    const reply = send(file, { report: (sent) => reported.push(sent) })
    const asked = await server.next()
    const body = await asked.body()
    asked.answer(200, { code: 0 })
    expect((await reply).status).toBe(200)
    expect(body.length).toBe(Number(asked.headers['content-length']))
    const form = await new Response(new Uint8Array(body), { headers: { 'Content-Type': asked.headers['content-type'] ?? '' } }).formData()
    expect([form.get('hash'), form.get('ext')]).toEqual(['abc', '.mp4'])
    const got = form.get('file') as File
    expect(Buffer.from(await got.arrayBuffer()).equals(file.content)).toBe(true)
    expect(reported.at(-1)).toBe(sizeBytes)
    expect(reported).toEqual([...reported].sort((a, b) => a - b))
  })

  it.each(['口型 工坊🎤.mp4', 'a"b".mp4', "it's (1).mp4", 'two\r\nlines\n.mp4', 'a; filename="b".mp4', 'x'.repeat(250)])('keeps the name %j within its quotes', async (name) => {
    const file = random(10, name)
    const reply = send(file)
    const asked = await server.next()
    const body = await asked.body()
    asked.answer(200, {})
    await reply
    const disposition = /name="file"; filename="(.*)"\r\nContent-Type/.exec(body.toString('utf8'))?.[1] ?? ''
    expect(disposition).not.toMatch(/["\r\n]/)
    expect(disposition.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')).toBe(name)
    const form = await new Response(new Uint8Array(body), { headers: { 'Content-Type': asked.headers['content-type'] ?? '' } }).formData()
    expect((form.get('file') as File).size).toBe(10)
  })

  describe('a reply before the whole file has left', () => {
    it.each([401, 413])('(%i, then the server hangs up) is the reply', async (status) => {
      // A program of its own, as quick as a real one: what is tested is who is first, the reply or the broken connection.
      const server = await startProgram(
        `require('node:http').createServer((request, response) => {
           response.writeHead(${status}, { 'Content-Length': 2, Connection: 'close' }).end('{}')
           response.on('finish', () => request.socket.destroySoon())
         })`,
      )
      try {
        for (let round = 0; round < 25; round++) expect(await send(sparse(64 * MiB), { url: server.url })).toEqual({ status, text: '{}' })
      } finally {
        server.close()
      }
    })

    it('is the reply where the server reads on to its end', async () => {
      const reply = send(sparse(64 * MiB))
      const asked = await server.next()
      asked.request.resume()
      asked.answer(413, { code: 413 })
      expect((await reply).status).toBe(413)
    })

    it('is the reply where the server neither reads nor hangs up', async () => {
      let sent = 0
      const reply = send(sparse(256 * MiB), { report: (bytes) => (sent = bytes) })
      const asked = await server.next()
      asked.answer(401, { code: 401 })
      expect((await reply).status).toBe(401)
      await asked.hungUp
      expect(sent).toBeLessThan(128 * MiB)
    })
  })

  it('does not follow a redirect: it would carry the secret elsewhere', async () => {
    const other = await startScriptedServer()
    try {
      const reply = send(random(10))
      const asked = await server.next()
      await asked.body()
      asked.answer(307, 'elsewhere', { Location: other.url })
      expect((await reply).status).toBe(307)
      expect(other.seen()).toBe(0)
    } finally {
      await other.close()
    }
  })

  it.each([0, 1, 3 * MiB])('says that the connection broke after %i bytes', async (bytes) => {
    const failure = failureOf(send(sparse(64 * MiB)))
    const asked = await server.next()
    let got = 0
    if (bytes === 0) asked.reset()
    else asked.request.on('data', (chunk: Buffer) => void ((got += chunk.length) >= bytes && asked.reset()))
    // Asked again without the file, whether there was a reason; here is none.
    const again = await server.next()
    expect(again.headers['content-length']).toBe(asked.headers['content-length'])
    again.reset()
    expect((await failure).toData()).toMatchObject({ code: 'server_unreachable', detail: { server: 'gpu', host: server.host } })
    expect(server.seen()).toBe(2)
  })

  it('asks no longer than a moment why the connection broke', async () => {
    const failure = failureOf(send(sparse(64 * MiB), { refusalWaitMs: 50 }))
    ;(await server.next()).reset()
    const again = await server.next()
    expect((await failure).code).toBe('server_unreachable')
    await again.hungUp
  })

  it('takes no success for a file that did not go through', async () => {
    const failure = failureOf(send(sparse(64 * MiB)))
    ;(await server.next()).reset()
    ;(await server.next()).answer(200, { code: 0 })
    expect((await failure).code).toBe('server_unreachable')
  })

  it('stops while it asks why the connection broke', async () => {
    const stopping = new AbortController()
    const stopped = stopOf(send(sparse(64 * MiB), { signal: stopping.signal }))
    ;(await server.next()).reset()
    const again = await server.next()
    stopping.abort()
    await stopped
    await again.hungUp
  })

  it('says that the connection broke within the reply', async () => {
    const failure = failureOf(send(random(10), { refusalWaitMs: 1 }))
    const asked = await server.next()
    await asked.body()
    asked.response.writeHead(200, { 'Content-Length': 100 })
    await new Promise((resolve) => asked.response.write('{"code":', resolve))
    asked.reset()
    expect((await failure).code).toBe('server_unreachable')
  })

  it('says that the server closed without any reply', async () => {
    const silent = await startSocketServer((socket) => socket.once('data', () => socket.end()))
    try {
      expect((await failureOf(send(random(10), { url: silent.url, refusalWaitMs: 1 }))).code).toBe('server_unreachable')
    } finally {
      await silent.close()
    }
  })

  it('says that nobody listens', async () => {
    const failure = await failureOf(send(sparse(64 * MiB), { url: await deadAddress() }))
    expect(failure.toData()).toMatchObject({ code: 'server_unreachable', detail: { system: 'ECONNREFUSED' } })
  })

  it.runIf(process.platform === 'linux')('gives up on a machine that does not answer at all (made on Linux only)', async () => {
    const deaf = await startDeafServer()
    try {
      const failure = await failureOf(send(random(10), { url: deaf.url, idleTimeoutMs: 100 }))
      expect(failure.code).toBe('server_timeout')
    } finally {
      deaf.close()
    }
  })

  it('knows a server that speaks no HTTP', async () => {
    const other = await startSocketServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))
    try {
      expect((await failureOf(send(random(10), { url: other.url }))).code).toBe('server_not_json')
    } finally {
      await other.close()
    }
  })

  it('gives up on a server that stops reading', async () => {
    const failure = failureOf(send(sparse(256 * MiB), { idleTimeoutMs: 100 }))
    const asked = await server.next()
    expect((await failure).toData()).toMatchObject({ code: 'server_timeout', detail: { host: server.host } })
    asked.request.resume()
    await asked.hungUp
  })

  it('gives up on a server that takes everything and never answers', async () => {
    const failure = failureOf(send(random(10), { idleTimeoutMs: 100 }))
    await (await server.next()).body()
    expect((await failure).code).toBe('server_timeout')
  })

  it('stops midway when it is asked to, hangs up and lets go of the file', async () => {
    const stopping = new AbortController()
    const file = sparse(256 * MiB)
    const stopped = stopOf(send(file, { signal: stopping.signal }))
    const asked = await server.next()
    await once(asked.request, 'data')
    asked.request.pause()
    expect(openFiles()).toContain(file.path)
    stopping.abort()
    await stopped
    asked.request.resume()
    await asked.hungUp
    expect(openFiles()).not.toContain(file.path)
  })

  it('sends nothing when it was stopped before', async () => {
    await stopOf(send(random(10), { signal: AbortSignal.abort() }))
    expect(server.seen()).toBe(0)
  })

  it('notices a file that has become shorter meanwhile', async () => {
    const file = sparse(64 * MiB)
    const failure = failureOf(send(file))
    const asked = await server.next()
    truncateSync(file.path, 32 * MiB)
    asked.request.resume()
    expect((await failure).toData()).toEqual({ code: 'file_changed', detail: { file: 'presenter.mp4' } })
    await asked.hungUp
  })

  it('sends of a file that has become longer what was promised', async () => {
    const file = random(3 * MiB)
    const reply = send(file)
    const asked = await server.next()
    appendFileSync(file.path, 'more')
    const body = await asked.body()
    asked.answer(200, {})
    await reply
    const form = await new Response(new Uint8Array(body), { headers: { 'Content-Type': asked.headers['content-type'] ?? '' } }).formData()
    expect(Buffer.from(await (form.get('file') as File).arrayBuffer()).equals(file.content)).toBe(true)
  })

  it('asks nobody when the file is gone', async () => {
    const failure = await failureOf(send({ path: join(dir, 'gone.mp4'), name: 'gone.mp4', sizeBytes: 10 }))
    expect(failure.toData()).toEqual({ code: 'file_missing', detail: { file: 'gone.mp4' } })
    expect(server.seen()).toBe(0)
  })

  it('blames the file, not the server, when reading it fails', async () => {
    mkdirSync(join(dir, 'folder.mp4'))
    const failure = await failureOf(send({ path: join(dir, 'folder.mp4'), name: 'folder.mp4', sizeBytes: 10 }))
    expect(failure.toData()).toEqual({ code: 'file_is_directory', detail: { file: 'folder.mp4' } })
  })

  it('needs no more memory for a large file', async () => {
    // The taker is a program of its own, so that what it holds is not counted here.
    const taker = await startProgram(
      `require('node:http').createServer((request, response) => {
         let bytes = 0
         request.on('data', (chunk) => (bytes += chunk.length)).on('end', () => response.end(JSON.stringify({ bytes })))
       })`,
    )
    try {
      const file = sparse(600 * MiB)
      const before = process.memoryUsage.rss()
      let peak = 0
      const reply = await send(file, { url: taker.url, report: () => (peak = Math.max(peak, process.memoryUsage.rss() - before)) })
      expect((JSON.parse(reply.text) as { bytes: number }).bytes).toBeGreaterThan(600 * MiB)
      expect(peak).toBeLessThan(64 * MiB)
    } finally {
      taker.close()
    }
  })
})
