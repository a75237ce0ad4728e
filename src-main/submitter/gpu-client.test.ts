import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGpuClient } from './gpu-client'
import { failureOf, never } from './testing/failure-of'
import { sampleServers } from './testing/sample-jobs'
import { startScriptedServer, type ScriptedServer } from './testing/scripted-server'
import { useTempDirs } from './testing/temp-dir'
import type { Servers } from './servers'

const html = '<!doctype html><title>405 Method Not Allowed</title>'
const secrets = { gpuSecret: 'gpu-secret-5678', licenseKey: 'LICENSE-1234', apiSecret: 'api-secret-9999' }

describe('the GPU client', () => {
  const tempDir = useTempDirs()
  let server: ScriptedServer
  beforeEach(async () => void (server = await startScriptedServer()))
  afterEach(() => server.close())

  const client = (more: Partial<Servers> = {}) => createGpuClient(sampleServers({ gpuUrl: server.url, ...secrets, ...more }))
  const tiny = () => {
    const path = join(tempDir(), 'tiny.mp4')
    writeFileSync(path, 'content')
    return { path, name: 'tiny.mp4', sizeBytes: 7, md5: '9a0364b9e99bb480dd25e1f0284c8555', ext: '.mp4' }
  }
  const queue = { total_tasks: 3, processing: 1, queued: 1, max_concurrent: 1 }

  describe('health', () => {
    it('reads the flat reply and proves nothing of itself', async () => {
      const health = client().health(never)
      const asked = await server.next()
      expect(asked).toMatchObject({ method: 'GET', url: '/api/heygem/health' })
      expect(asked.headers['authorization']).toBeUndefined()
      asked.answer(200, { code: 0, msg: 'ok', initialized: true, queue })
      expect(await health).toEqual({ initialized: true, said: '', ffmpegMissing: false })
    })

    it.each([
      [{ code: 0, msg: 'ok', initialized: false }, '', false],
      [{ code: 0, initialized: false, queue }, '', false],
      [{ code: 0, msg: 'ffmpeg missing: ffmpeg does not run', initialized: false, engine: 'mux' }, 'ffmpeg missing: ffmpeg does not run', true],
      [{ code: 0, msg: `loading for ${secrets.gpuSecret}`, initialized: false }, 'loading for •••', false],
    ])('says why the engine is not ready: %j', async (body, said, ffmpegMissing) => {
      const health = client().health(never)
      ;(await server.next()).answer(200, body)
      expect(await health).toEqual({ initialized: false, said, ffmpegMissing })
    })

    it.each([
      [200, { code: 0, msg: 'ok', data: { initialized: true } }, 'server_bad_reply'],
      [200, { status: 'ok' }, 'server_bad_reply'],
      [200, [], 'server_bad_reply'],
      [200, { code: 0, initialized: 'yes' }, 'server_bad_reply'],
      [200, { code: -1, msg: 'off', initialized: false }, 'server_refused'],
      [200, html, 'server_not_json'],
      [404, html, 'server_not_json'],
      [404, { code: 404, msg: 'no such address' }, 'server_refused'],
      [502, html, 'server_failed'],
      [503, { detail: 'starting' }, 'server_failed'],
    ])('calls a reply %i %j %s', async (status, body, code) => {
      const failure = failureOf(client().health(never))
      ;(await server.next()).answer(status, body)
      expect((await failure).toData()).toMatchObject({ code, detail: { server: 'gpu', host: server.host } })
    })
  })

  describe('check_files', () => {
    const files = [{ hash: 'a', ext: '.wav' }, { hash: 'b', ext: '.mp4' }]

    it('asks for both files under its secret', async () => {
      const there = client().checkFiles(files, never)
      const asked = await server.next()
      expect(asked).toMatchObject({ method: 'POST', url: '/api/heygem/check_files', headers: { authorization: `Bearer ${secrets.gpuSecret}` } })
      expect(await asked.json()).toEqual({ files })
      asked.answer(200, { code: 0, data: { a: true, b: false } })
      expect(await there).toEqual({ a: true, b: false })
    })

    it('shows no secret where there is none', async () => {
      const there = client({ gpuSecret: '' }).checkFiles(files, never)
      const asked = await server.next()
      expect(asked.headers['authorization']).toBeUndefined()
      asked.answer(200, { code: 0, data: {} })
      await there
    })

    it.each([
      [401, { code: 401, msg: 'unauthorized' }, 'secret_wrong'],
      [200, { code: 401, msg: 'unauthorized' }, 'secret_wrong'],
      [400, { code: 400, msg: 'bad JSON' }, 'server_refused'],
      [200, { code: 7, msg: 'no' }, 'server_refused'],
      [500, { code: 500, msg: 'broken' }, 'server_failed'],
      [200, { code: 500, message: 'broken' }, 'server_failed'],
      [500, html, 'server_failed'],
      [405, html, 'server_not_json'],
      [200, { code: 0 }, 'server_bad_reply'],
      [200, { code: 0, data: [] }, 'server_bad_reply'],
      [200, { code: 0, data: { a: 'yes' } }, 'server_bad_reply'],
      [429, { code: 429, msg: 'slow down' }, 'server_busy'],
      [507, { code: 507, msg: 'full' }, 'server_disk_full'],
    ])('calls a reply %i %j %s', async (status, body, code) => {
      const failure = failureOf(client().checkFiles(files, never))
      ;(await server.next()).answer(status, body)
      expect((await failure).code).toBe(code)
    })

    it.each([
      [{ code: 400, msg: 'the words' }, 'the words'],
      [{ code: 400, message: 'the words' }, 'the words'],
      [{ code: 400 }, ''],
      [{ code: 400, msg: `<b>bad</b>\nkey ${secrets.licenseKey}, ${secrets.gpuSecret}, ${secrets.apiSecret}` }, 'bad key •••, •••, •••'],
    ])('repeats what the server says, without markup and keys: %j', async (body, said) => {
      const failure = failureOf(client().checkFiles(files, never))
      ;(await server.next()).answer(400, body)
      expect((await failure).toData()).toEqual({ code: 'server_refused', detail: { server: 'gpu', host: server.host, said, status: 400 } })
    })

    it('repeats what the server says of its own failure', async () => {
      const failure = failureOf(client().checkFiles(files, never))
      ;(await server.next()).answer(500, { code: 500, msg: 'out of memory' })
      expect((await failure).toData()).toMatchObject({ code: 'server_failed', detail: { said: 'out of memory' } })
    })
  })

  describe('upload_file', () => {
    it('sends hash and extension beside the file and answers what the server calls it', async () => {
      const stored = client().uploadFile(tiny(), () => undefined, never)
      const asked = await server.next()
      expect(asked).toMatchObject({ method: 'POST', url: '/api/heygem/upload_file', headers: { authorization: `Bearer ${secrets.gpuSecret}` } })
      const form = await new Response(new Uint8Array(await asked.body()), { headers: { 'Content-Type': asked.headers['content-type'] ?? '' } }).formData()
      expect([form.get('hash'), form.get('ext'), await (form.get('file') as File).text()]).toEqual(['9a0364b9e99bb480dd25e1f0284c8555', '.mp4', 'content'])
      asked.answer(200, { code: 0, data: { hash: 'another hash', server_path: '/srv/store/x.mp4' } })
      expect(await stored).toBe('another hash')
    })

    it.each([
      [401, { code: 401, msg: 'no' }, 'secret_wrong'],
      [413, html, 'upload_too_large'],
      [413, { code: 413, msg: 'too large' }, 'upload_too_large'],
      [400, { code: 400, msg: 'hash mismatch' }, 'server_refused'],
      [507, { code: 507, msg: 'full' }, 'server_disk_full'],
      [500, html, 'server_failed'],
      [200, html, 'server_not_json'],
      [302, html, 'server_not_json'],
      [200, { code: 0, data: {} }, 'server_bad_reply'],
      [200, { code: 0 }, 'server_bad_reply'],
    ])('calls a reply %i %j %s', async (status, body, code) => {
      const failure = failureOf(client().uploadFile(tiny(), () => undefined, never))
      const asked = await server.next()
      await asked.body()
      asked.answer(status, body)
      expect((await failure).code).toBe(code)
    })
  })

  describe('progress', () => {
    it('asks by the id and reads what the server says', async () => {
      const progress = client().progress('heygem_1&x=2', never)
      const asked = await server.next()
      expect(asked).toMatchObject({ path: '/api/heygem/progress', query: { task_id: 'heygem_1&x=2' }, headers: { authorization: `Bearer ${secrets.gpuSecret}` } })
      const data = { task_id: 't', status: 'synthesizing', progress: 40, message: 'working', total_frames: 100, current_frame: 39, queue_position: 0, queue, created_at: 1.5, started_at: 2.5, finished_at: 0, error: '' }
      asked.answer(200, { code: 0, data })
      expect(await progress).toEqual(data)
    })

    it('makes do with the least a server may say', async () => {
      const progress = client().progress('t', never)
      ;(await server.next()).answer(200, { code: 0, data: { task_id: 't', status: 'queued' } })
      expect(await progress).toMatchObject({ status: 'queued', progress: 0, total_frames: 0, queue_position: 0, error: '' })
    })

    it('answers null for a task that the server does not know', async () => {
      const progress = client().progress('t', never)
      ;(await server.next()).answer(404, { code: 404, msg: 'unknown task' })
      expect(await progress).toBeNull()
    })

    it.each([
      [404, html, 'server_not_json'],
      [400, { code: 400, msg: 'no task_id' }, 'server_refused'],
      [401, { code: 401, msg: 'no' }, 'secret_wrong'],
      [200, { code: 0, data: { task_id: 't', status: 'resting' } }, 'server_bad_reply'],
      [200, { code: 0, data: null }, 'server_bad_reply'],
      [502, html, 'server_failed'],
    ])('calls a reply %i %j %s', async (status, body, code) => {
      const failure = failureOf(client().progress('t', never))
      ;(await server.next()).answer(status, body)
      expect((await failure).code).toBe(code)
    })
  })

  it('calls a secret that no header can carry wrong, wherever it is needed', async () => {
    const asking = client({ gpuSecret: '密钥-1234' })
    const ends = [asking.checkFiles([], never), asking.uploadFile(tiny(), () => undefined, never), asking.progress('t', never), asking.download('t', join(tempDir(), 'x'), () => undefined, never)].map(failureOf)
    for (const failure of await Promise.all(ends)) expect(failure.code).toBe('secret_wrong')
    expect(server.seen()).toBe(0)
  })

  it('never puts a key into an address', async () => {
    const asking = client()
    const work = [asking.health(never), asking.checkFiles([], never), asking.uploadFile(tiny(), () => undefined, never), asking.progress('t', never), asking.download('t', join(tempDir(), 'x'), () => undefined, never)]
    const ends = Promise.allSettled(work)
    for (const _each of work) {
      const asked = await server.next()
      for (const secret of Object.values(secrets)) expect(asked.url).not.toContain(secret)
      asked.reset()
    }
    // The upload asks again why it was hung up on.
    ;(await server.next()).reset()
    await ends
  })
})
