import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { apiPaths, licenseMessages } from '../../src-shared/api-contract'
import { askServer } from '../test-http'
import { md5Of } from '../test-media'
import { neededInputs } from './input-routes'
import { startTestApi, TestPeer, workerSecret, type TestApi, type TestApiOptions } from './test-api'

const content = 'a presenter'
const hash = md5Of(content)
const k1 = { Authorization: 'Bearer K1', 'X-Machine-Code': 'MC' }

describe('inputs that the API keeps', () => {
  let api: TestApi
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'inputs-'))
  })
  afterEach(async () => {
    await api.remove()
    await rm(dir, { recursive: true })
  })
  const start = async (options: TestApiOptions = {}): Promise<void> => {
    api = await startTestApi({ ...options, filesDir: dir })
  }
  const upload = (fields: Record<string, string>, text = content, headers: Record<string, string> = k1) => {
    const form = new FormData()
    for (const [key, value] of Object.entries(fields)) form.append(key, value)
    form.append('file', new Blob([text]), 'a.mp4')
    return askServer('POST', api.url + apiPaths.uploadFile, form, headers)
  }
  const check = (body: object, headers: Record<string, string> = k1) => askServer('POST', api.url + apiPaths.checkFiles, body, headers)
  const worker = { Authorization: `Bearer ${workerSecret}` }
  const fetchFile = (name: string, headers: Record<string, string> = worker, method = 'GET') =>
    askServer(method, `${api.url}${apiPaths.files}/${name}`, undefined, headers)

  it('are taken, and known afterwards, with the words of the GPU server', async () => {
    await start()
    expect((await check({ files: [{ hash, ext: '.mp4' }] })).json).toEqual({ code: 0, data: { [hash]: false } })
    expect((await upload({ hash, ext: '.mp4' })).json).toEqual({ code: 0, data: { hash, server_path: hash } })
    expect((await check({ files: [{ hash, ext: '.mov' }, { hash: 'x', ext: '' }] })).json).toEqual({ code: 0, data: { [hash]: true, x: false } })
    expect(await readdir(join(dir, 'store'))).toEqual([`${hash}.mp4`])
  })

  it('are announced in the capabilities', async () => {
    await start()
    expect((await askServer('GET', api.url + apiPaths.capabilities, undefined, {})).json.data).toMatchObject({ stores_files: true })
  })

  it('are nobody’s without a license, and nothing is kept', async () => {
    await start()
    const refused = { status: 200, json: { code: 7, data: null, reason: 'license_missing', msg: licenseMessages.missing } }
    expect(await check({ files: [] }, {})).toMatchObject(refused)
    expect(await upload({ hash, ext: '.mp4' }, content, {})).toMatchObject(refused)
    const unknown = { status: 200, json: { code: 7, reason: 'license_unknown' } }
    expect(await upload({ hash, ext: '.mp4' }, content, { ...k1, Authorization: 'Bearer K9' })).toMatchObject(unknown)
    expect([await readdir(join(dir, 'store')), await readdir(join(dir, 'incoming'))]).toEqual([[], []])
  })

  it('are taken with the API’s secret and the key beside it', async () => {
    await start({ secret: 'THE-SECRET' })
    const secret = { Authorization: 'Bearer THE-SECRET', 'X-Machine-Code': 'MC' }
    expect((await upload({ hash, ext: '.mp4' }, content, { ...secret, 'X-License-Key': 'K1' })).json.code).toBe(0)
    expect((await check({ files: [{ hash }], license_key: 'K1' }, secret)).json.data).toEqual({ [hash]: true })
    expect(await upload({ hash, ext: '.mp4' }, content, secret)).toMatchObject({ status: 200, json: { code: 7, reason: 'license_missing' } })
  })

  it.each([
    ['another content than announced', { hash: md5Of('else'), ext: '.mp4' }, 400, 'hash mismatch'],
    ['a name that is no media file', { hash, ext: '.exe' }, 400, 'unsupported file extension'],
    ['no hash', { ext: '.mp4' }, 400, 'the hash is missing'],
  ])('are refused as on the GPU server: %s', async (_what, fields, status, msg) => {
    await start()
    const reply = await upload(fields)
    expect(reply).toMatchObject({ status, json: { code: status, msg: expect.stringContaining(msg) } })
    expect(await readdir(join(dir, 'store'))).toEqual([])
  })

  it('are refused when they are too large', async () => {
    await start({ maxUploadBytes: 5 })
    expect(await upload({ hash, ext: '.mp4' })).toMatchObject({ status: 413, json: { code: 413 } })
  })

  it('go to workers, whole and in part', async () => {
    await start()
    await upload({ hash, ext: '.mp4' })
    const whole = await fetchFile(hash)
    expect([whole.status, whole.text, whole.headers.get('etag')]).toEqual([200, content, `"${hash}"`])
    expect(whole.headers.get('content-disposition')).toBe(`inline; filename=${hash}.mp4`)
    const part = await fetchFile(hash, { ...worker, Range: 'bytes=2-', 'If-Range': `"${hash}"` })
    expect([part.status, part.text, part.headers.get('content-range')]).toEqual([206, content.slice(2), `bytes 2-10/11`])
    expect((await fetchFile(hash, worker, 'HEAD')).headers.get('content-length')).toBe('11')
    expect((await fetchFile(hash, { ...worker, Range: 'bytes=0-1,3-4' })).status).toBe(416)
  })

  it('go to nobody else', async () => {
    await start()
    await upload({ hash, ext: '.mp4' })
    for (const headers of [{}, k1, { Authorization: `Bearer ${workerSecret}x` }]) {
      expect(await fetchFile(hash, headers)).toMatchObject({ status: 401, json: { code: 401 } })
    }
    for (const name of [md5Of('else'), '..%2f..%2ftasks.jsonl', 'x']) expect(await fetchFile(name)).toMatchObject({ status: 404, json: { code: 404 } })
  })

  it('let a task wait for them: it goes to the worker when the second one has come', async () => {
    await start()
    const voice = 'a voice'
    const order = { audio_hash: md5Of(voice), video_hash: hash }
    await upload({ hash, ext: '.mp4' })
    const { task_id: id } = (await api.ask('POST', 'task/submit', order)).json.data as { task_id: string }
    expect(await api.status(id)).toMatchObject({ status: 'queued' })
    const peer = await TestPeer.worker(api.hubUrl)
    // The one that asks by itself may have the files; it says that it lacks them.
    const job = await peer.expect('gpu.job.submit')
    peer.send({ type: 'gpu.job.result', task_type: 'heygem_submit', request_id: id, error: true, error_code: 'input_missing', lease: job.lease as string })
    await upload({ hash: md5Of(voice), ext: '.wav' }, voice)
    expect(await peer.accept()).toBe(id)
  })

  it('are needed by what waits and by what runs', async () => {
    await start()
    const { store } = api
    expect(await neededInputs(store)).toEqual(new Set())
    const peer = await TestPeer.worker(api.hubUrl)
    await api.submit()
    await peer.accept()
    await api.submit({ audio_hash: 'c'.repeat(32) })
    expect(await neededInputs(store)).toEqual(new Set(['a', 'b', 'c'].map((digit) => digit.repeat(32))))
  })
})
