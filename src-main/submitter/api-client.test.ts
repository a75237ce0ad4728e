import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createApiClient } from './api-client'
import type { ServerMemory, Servers } from './servers'
import { failureOf, never, stopOf } from './testing/failure-of'
import { sampleServers } from './testing/sample-jobs'
import { startScriptedServer, type Asked, type ScriptedServer } from './testing/scripted-server'

const html = '<html><body>Welcome to nginx</body></html>'
const licenseKey = 'LICENSE-1234'
const apiSecret = 'api-secret-9999'
const task = { audio_hash: 'a'.repeat(32), audio_ext: '.wav', video_hash: 'b'.repeat(32), video_ext: '.mp4', client_task_id: 'job-1' }
const unknownTask = { code: 7, msg: '任务不存在', data: null }

/** What is kept in the ledger, kept here. */
function createMemory(): ServerMemory & { readonly kept: Map<string, boolean> } {
  const kept = new Map<string, boolean>()
  return { kept, apiTakesSecret: (url) => kept.get(url) ?? null, rememberApiTakesSecret: (url, takes) => void kept.set(url, takes) }
}

describe('the API client', () => {
  let server: ScriptedServer
  let memory: ReturnType<typeof createMemory>
  beforeEach(async () => {
    server = await startScriptedServer()
    memory = createMemory()
  })
  afterEach(() => server.close())

  const client = (more: Partial<Servers> = {}) => createApiClient(sampleServers({ apiUrl: server.url, licenseKey, ...more }), memory)

  describe('with the license key as its Bearer', () => {
    it('submits as the contract has it', async () => {
      const submitted = client().submit(task, never)
      const asked = await server.next()
      expect(asked).toMatchObject({ method: 'POST', url: '/api/heygem/task/submit' })
      expect(asked.headers).toMatchObject({
        authorization: `Bearer ${licenseKey}`,
        'x-machine-code': 'A'.repeat(32),
        'x-device-type': 'pc',
        'idempotency-key': 'job-1',
        'content-type': 'application/json',
      })
      expect(asked.headers['x-license-key']).toBeUndefined()
      expect(await asked.json()).toEqual({ ...task, license_key: licenseKey })
      asked.answer(200, { code: 0, msg: 'ok', data: { task_id: 'heygem_0123456789abc', status: 'submitted', msg: 'sent' } })
      expect(await submitted).toEqual({ taskId: 'heygem_0123456789abc', status: 'submitted' })
    })

    it('asks for a status as the contract has it', async () => {
      const status = client().status('heygem_1&x=2', never)
      const asked = await server.next()
      expect(asked).toMatchObject({ method: 'GET', path: '/api/heygem/task/status', query: { task_id: 'heygem_1&x=2' } })
      expect(asked.headers).toMatchObject({ authorization: `Bearer ${licenseKey}`, 'x-machine-code': 'A'.repeat(32), 'x-device-type': 'pc' })
      expect(asked.headers['idempotency-key']).toBeUndefined()
      expect(asked.headers['x-license-key']).toBeUndefined()
      asked.answer(200, { code: 0, msg: 'ok', data: { task_id: 'heygem_1', status: 'processing', request_id: 'heygem_1', created_at: 1_700_000_000 } })
      expect(await status).toEqual({ task_id: 'heygem_1', status: 'processing', request_id: 'heygem_1', created_at: 1_700_000_000 })
    })

    it('never puts a key into an address', async () => {
      const asking = client({ apiSecret, gpuSecret: 'gpu-secret-5678' })
      const work = [asking.submit(task, never), asking.status('t', never), asking.checkLicense(never)]
      const ends = Promise.allSettled(work)
      for (const _each of work) {
        const asked = await server.next()
        for (const secret of [licenseKey, apiSecret, 'gpu-secret-5678']) expect(asked.url).not.toContain(secret)
        asked.reset()
      }
      await ends
    })

    it('asks nobody without a license key', async () => {
      expect((await failureOf(client({ licenseKey: '' }).submit(task, never))).code).toBe('license_missing')
      expect((await failureOf(client({ licenseKey: '', apiSecret }).submit(task, never))).code).toBe('license_missing')
      expect(server.seen()).toBe(0)
    })
  })

  describe('a refusal', () => {
    it.each([
      // As deployed (§2.2): only words tell the cases apart.
      [{ code: 7, msg: '缺少 Authorization', data: null }, 'license_missing'],
      [{ code: 7, msg: '卡密不存在', data: null }, 'license_unknown'],
      [{ code: 7, msg: '卡密已过期', data: null }, 'license_expired'],
      [{ code: 7, msg: '卡密已被禁用', data: null }, 'license_refused'],
      [{ code: 7, msg: '卡密尚未生效', data: null }, 'license_refused'],
      [{ code: 7, msg: '缺少设备指纹', data: null }, 'license_refused'],
      [{ code: 7, msg: '卡密已绑定其他设备', data: null }, 'license_refused'],
      [{ code: 403, msg: '卡密已过期' }, 'license_expired'],
      [{ code: 403, msg: 'banned' }, 'license_refused'],
      [{ code: 401, message: 'unauthorized' }, 'license_refused'],
      [{ code: 7, msg: 'Unauthorised', data: null }, 'license_refused'],
      [{ code: 7, message: '卡密已过期', data: null }, 'license_expired'],
      // Ours says why, whatever the words.
      [{ code: 7, msg: '', reason: 'license_missing' }, 'license_missing'],
      [{ code: 7, msg: 'x', reason: 'license_unknown' }, 'license_unknown'],
      [{ code: 7, msg: '卡密不存在', reason: 'license_expired' }, 'license_expired'],
      [{ code: 7, msg: 'x', reason: 'license_disabled' }, 'license_refused'],
      [{ code: 7, msg: 'x', reason: 'license_not_started' }, 'license_refused'],
      [{ code: 7, msg: 'x', reason: 'machine_code_missing' }, 'license_refused'],
      [{ code: 7, msg: 'x', reason: 'other_device' }, 'license_refused'],
      [{ code: 7, msg: 'x', reason: 'bad_request' }, 'server_refused'],
      [{ code: 7, msg: 'x', reason: 'inputs_missing' }, 'server_refused'],
      [{ code: 7, msg: 'x', reason: 'queue_full' }, 'server_busy'],
      [{ code: 7, msg: 'x', reason: 'gpu_unreachable' }, 'server_failed'],
      // A reason of a newer server is no reason to fail otherwise.
      [{ code: 7, msg: '卡密已过期', reason: 'something_new' }, 'license_expired'],
      // What has nothing to do with the license.
      [{ code: 7, msg: '参数错误', data: null }, 'server_refused'],
      [{ code: 7, msg: '任务提交失败', data: null }, 'server_refused'],
      [{ code: 400, msg: 'bad parameter' }, 'server_refused'],
      [{ code: 429, msg: 'slow down' }, 'server_busy'],
      [{ code: 500, message: 'Undefined variable', file: '/srv/x.php', line: 3 }, 'server_failed'],
      [{ code: 500, message: 'the license table is locked' }, 'server_failed'],
    ])('of a submit at HTTP 200, %j, is %s', async (body, code) => {
      const failure = failureOf(client().submit(task, never))
      ;(await server.next()).answer(200, body)
      expect((await failure).toData()).toMatchObject({ code, detail: { server: 'api', host: server.host } })
      expect(server.seen()).toBe(1)
    })

    it.each([
      [200, html, 'server_not_json'],
      [404, html, 'server_not_json'],
      [500, html, 'server_failed'],
      [502, html, 'server_failed'],
      [413, html, 'upload_too_large'],
      [429, '', 'server_busy'],
      [507, '', 'server_disk_full'],
      [302, '', 'server_not_json'],
      [200, '{"code":0,"data":{"task', 'server_not_json'],
      [200, [], 'server_bad_reply'],
      [200, { data: {} }, 'server_bad_reply'],
      [200, { code: '0' }, 'server_bad_reply'],
      [200, { code: 0 }, 'server_bad_reply'],
      [200, { code: 0, data: {} }, 'server_bad_reply'],
      [200, { code: 0, data: { task_id: '', status: 'queued' } }, 'server_bad_reply'],
      [200, { code: 0, data: { task_id: 7, status: 'queued' } }, 'server_bad_reply'],
      [404, { code: 404, msg: 'no such address' }, 'server_refused'],
      [401, { code: 401, msg: 'no' }, 'license_refused'],
      [503, { error: 'starting' }, 'server_failed'],
    ])('of a submit as %i %j is %s', async (status, body, code) => {
      const failure = failureOf(client().submit(task, never))
      ;(await server.next()).answer(status, body)
      expect((await failure).code).toBe(code)
    })

    it('repeats what the server says without the keys that were sent', async () => {
      const failure = failureOf(client({ gpuSecret: 'gpu-secret-5678' }).submit(task, never))
      ;(await server.next()).answer(200, { code: 7, msg: `卡密 ${licenseKey} 已过期 gpu-secret-5678` })
      expect((await failure).toData()).toEqual({ code: 'license_expired', detail: { server: 'api', host: server.host, said: '卡密 ••• 已过期 •••' } })
    })

    it('does not carry the keys along a redirect', async () => {
      const other = await startScriptedServer()
      try {
        const failure = failureOf(client().submit(task, never))
        ;(await server.next()).answer(307, '', { Location: other.url })
        await failure
        expect(other.seen()).toBe(0)
      } finally {
        await other.close()
      }
    })
  })

  describe('a status', () => {
    it('is read with everything that our backend says', async () => {
      const status = client().status('t', never)
      const data = { task_id: 't', status: 'synthesizing', request_id: 't', created_at: 1, progress: 40, message: 'rendering', total_frames: 100, current_frame: 40, queue_position: 0, error: '', gpu_task_id: 'g', engine: 'mux' }
      ;(await server.next()).answer(200, { code: 0, msg: 'ok', data })
      expect(await status).toEqual(data)
    })

    it.each([
      ['deployed words', unknownTask],
      ['deployed words with code 404', { code: 404, msg: 'not found' }],
      ['other words', { code: 7, msg: '数据为空', data: null }],
      ['our end of it for older clients', { code: 0, msg: 'the task is unknown', reason: 'task_unknown', data: { task_id: 't', status: 'error', error: 'the task is unknown', error_code: 'task_unknown' } }],
      ['our reason', { code: 7, msg: 'x', reason: 'task_unknown' }],
    ])('is null where the server does not know the task (%s)', async (_what, body) => {
      const status = client().status('t', never)
      ;(await server.next()).answer(200, body)
      expect(await status).toBeNull()
    })

    it.each([
      [{ code: 7, msg: '卡密已过期' }, 'license_expired'],
      [{ code: 500, message: 'broken' }, 'server_failed'],
      [{ code: 0, data: { task_id: 't', status: 'resting' } }, 'server_bad_reply'],
      [{ code: 0, data: null }, 'server_bad_reply'],
    ])('is a failure where it is one: %j', async (body, code) => {
      const failure = failureOf(client().status('t', never))
      ;(await server.next()).answer(200, body)
      expect((await failure).code).toBe(code)
    })
  })

  describe('checkLicense', () => {
    it.each([unknownTask, { code: 0, msg: 'x', reason: 'task_unknown', data: { task_id: 'x', status: 'error' } }])('is content when only the task is unknown: %j', async (body) => {
      const checked = client().checkLicense(never)
      const asked = await server.next()
      expect(asked.path).toBe('/api/heygem/task/status')
      asked.answer(200, body)
      await checked
    })

    it('says what is wrong with the license', async () => {
      const failure = failureOf(client().checkLicense(never))
      ;(await server.next()).answer(200, { code: 7, msg: '卡密已过期' })
      expect((await failure).code).toBe('license_expired')
    })
  })

  describe('with a shared secret as its Bearer', () => {
    const withSecret = () => client({ apiSecret })
    const expectSecret = (asked: Asked): void => expect(asked.headers['authorization']).toBe(`Bearer ${apiSecret}`)
    const expectLicense = (asked: Asked): void => expect(asked.headers['authorization']).toBe(`Bearer ${licenseKey}`)
    const accepted = { code: 0, data: { task_id: 'heygem_1', status: 'submitted' } }

    it('carries the license key in the body, or in a header where there is none', async () => {
      const submitted = withSecret().submit(task, never)
      let asked = await server.next()
      expectSecret(asked)
      expect(asked.headers['x-license-key']).toBeUndefined()
      expect(await asked.json()).toMatchObject({ license_key: licenseKey })
      asked.answer(200, accepted)
      await submitted

      const status = withSecret().status('t', never)
      asked = await server.next()
      expectSecret(asked)
      expect(asked.headers['x-license-key']).toBe(licenseKey)
      asked.answer(200, unknownTask)
      expect(await status).toBeNull()
    })

    it.each([
      { code: 7, msg: '卡密不存在' },
      { code: 7, msg: '缺少 Authorization' },
      { code: 7, msg: '卡密已被禁用' },
      { code: 401, msg: 'no' },
    ])('asks once more with the license key where the secret is refused as a license, and remembers: %j', async (refusal) => {
      const submitted = withSecret().submit(task, never)
      let asked = await server.next()
      expectSecret(asked)
      asked.answer(200, refusal)
      asked = await server.next()
      expectLicense(asked)
      expect(asked.headers['idempotency-key']).toBe('job-1')
      expect(await asked.json()).toEqual({ ...task, license_key: licenseKey })
      asked.answer(200, accepted)
      expect((await submitted).taskId).toBe('heygem_1')
      expect(memory.kept).toEqual(new Map([[server.url, false]]))

      const status = withSecret().status('t', never)
      asked = await server.next()
      expectLicense(asked)
      asked.answer(200, { code: 0, data: { task_id: 't', status: 'processing' } })
      await status
      expect(server.seen()).toBe(3)
    })

    it('remembers that the secret is taken', async () => {
      const submitted = withSecret().submit(task, never)
      ;(await server.next()).answer(200, accepted)
      await submitted
      expect(memory.kept).toEqual(new Map([[server.url, true]]))
    })

    it('asks the other way again when what is remembered is no longer true', async () => {
      memory.rememberApiTakesSecret(server.url, false)
      const submitted = withSecret().submit(task, never)
      let asked = await server.next()
      expectLicense(asked)
      asked.answer(200, { code: 401, msg: 'no' })
      asked = await server.next()
      expectSecret(asked)
      asked.answer(200, accepted)
      await submitted
      expect(memory.kept.get(server.url)).toBe(true)
    })

    it('says of a server that wants the license what it says of the license', async () => {
      const failure = failureOf(withSecret().submit(task, never))
      ;(await server.next()).answer(200, { code: 7, msg: '卡密不存在' })
      ;(await server.next()).answer(200, { code: 7, msg: '卡密已被禁用' })
      expect((await failure).code).toBe('license_refused')
      expect(memory.kept.size).toBe(0)
    })

    it('says of a server that wants the secret what it says of the license in the body', async () => {
      const failure = failureOf(withSecret().submit(task, never))
      // The secret is right, the license is not; the license alone is no Bearer there.
      ;(await server.next()).answer(200, { code: 7, msg: '卡密不存在' })
      ;(await server.next()).answer(401, { code: 401, msg: 'wrong secret' })
      expect((await failure).code).toBe('license_unknown')
    })

    it('says that the secret is wrong where neither is taken', async () => {
      const failure = failureOf(withSecret().submit(task, never))
      ;(await server.next()).answer(401, { code: 401, msg: 'forbidden' })
      ;(await server.next()).answer(401, { code: 401, msg: 'forbidden' })
      expect((await failure).code).toBe('secret_wrong')
    })

    it.each([
      { code: 7, msg: '卡密已过期' },
      { code: 7, msg: '参数错误' },
      { code: 500, message: 'broken' },
    ])('does not ask again after an answer that the other Bearer would not change: %j', async (body) => {
      const failure = failureOf(withSecret().submit(task, never))
      ;(await server.next()).answer(200, body)
      await failure
      expect(server.seen()).toBe(1)
      expect(memory.kept.size).toBe(0)
    })

    it('says what went wrong with the second asking when that is another matter', async () => {
      const failure = failureOf(withSecret().submit(task, never))
      ;(await server.next()).answer(200, { code: 7, msg: '卡密不存在' })
      ;(await server.next()).reset()
      expect((await failure).code).toBe('server_unreachable')
    })
  })

  it('stops when it is asked to', async () => {
    const stopping = new AbortController()
    const stopped = stopOf(client().submit(task, stopping.signal))
    const asked = await server.next()
    stopping.abort()
    await stopped
    await asked.hungUp
  })
})
