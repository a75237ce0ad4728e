import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { md5Of } from '../test-media'
import { startTestGpu, type TestGpu, type TestGpuOptions } from '../gpu/test-gpu'

describe('upload_file', () => {
  let gpu: TestGpu
  const start = async (options?: TestGpuOptions) => (gpu = await startTestGpu(options))
  afterEach(() => gpu.remove())

  it.each([true, false])('keeps a file under its hash (fields first: %s)', async (fieldsFirst) => {
    await start()
    const reply = await gpu.upload('content', { hash: md5Of('content').toUpperCase(), ext: '.MP4' }, fieldsFirst)
    expect(reply).toMatchObject({ status: 200, json: { code: 0, data: { hash: md5Of('content') } } })
    expect(await gpu.stored()).toEqual([`${md5Of('content')}.mp4`])
    expect(await gpu.incoming()).toEqual([])
  })

  it('says nothing of where the file lies', async () => {
    await start()
    expect((await gpu.upload('content', { hash: md5Of('content'), ext: '.mp4' })).text).not.toContain(gpu.dir)
  })

  it.each([true, false])('refuses a file that is not what was announced, and keeps nothing (fields first: %s)', async (fieldsFirst) => {
    await start()
    const reply = await gpu.upload('other', { hash: md5Of('content'), ext: '.mp4' }, fieldsFirst)
    expect(reply).toMatchObject({ status: 400, json: { code: 400, msg: expect.stringContaining('hash mismatch') } })
    expect([await gpu.stored(), await gpu.incoming()]).toEqual([[], []])
  })

  it('takes a made-up tmp_ hash and answers the true one', async () => {
    await start()
    const reply = await gpu.upload('content', { hash: 'tmp_1700000000000_k3j', ext: '.mp4' })
    expect(reply.json.data.hash).toBe(md5Of('content'))
    expect(await gpu.stored()).toEqual([`${md5Of('content')}.mp4`])
  })

  it('reads to its end what it has already, and answers', async () => {
    await start()
    await gpu.upload('content', { hash: md5Of('content'), ext: '.mp4' })
    const again = await gpu.upload('x'.repeat(3_000_000), { hash: md5Of('content'), ext: '.mov' })
    expect(again).toMatchObject({ status: 200, json: { code: 0, data: { hash: md5Of('content') } } })
    expect(await gpu.stored()).toEqual([`${md5Of('content')}.mp4`])
  })

  it('takes the extension from the file name, else .bin', async () => {
    await start()
    await gpu.upload('one', { hash: md5Of('one') }, true, 'Clip.MOV')
    await gpu.upload('two', { hash: md5Of('two') }, true, 'clip')
    expect((await gpu.stored()).sort()).toEqual([`${md5Of('two')}.bin`, `${md5Of('one')}.mov`].sort())
  })

  it.each<[string, string, Record<string, string>, RegExp]>([
    ['no hash', 'content', { ext: '.mp4' }, /hash is missing/],
    ['a hash that is a path', 'content', { hash: '../../etc/passwd', ext: '.mp4' }, /must be an MD5/],
    ['an extension that is a path', 'content', { hash: md5Of('content'), ext: '/../x' }, /unsupported file extension/],
    ['an extension that is no media', 'content', { hash: md5Of('content'), ext: '.exe' }, /unsupported file extension/],
    ['an empty file', '', { hash: md5Of(''), ext: '.mp4' }, /empty/],
    ['a field without end', 'content', { hash: md5Of('content'), ext: 'x'.repeat(5000) }, /too long/],
  ])('refuses %s and keeps nothing', async (_what, content, fields, message) => {
    await start()
    for (const fieldsFirst of [true, false]) {
      const reply = await gpu.upload(content, fields, fieldsFirst)
      expect(reply).toMatchObject({ status: 400, json: { code: 400, msg: expect.stringMatching(message) } })
    }
    expect([await gpu.stored(), await gpu.incoming()]).toEqual([[], []])
  })

  it('refuses a form without a file, and a body that is no form', async () => {
    await start()
    const form = new FormData()
    form.append('hash', md5Of('content'))
    expect(await gpu.ask('POST', 'upload_file', form)).toMatchObject({ status: 400, json: { msg: 'the file is missing' } })
    expect(await gpu.ask('POST', 'upload_file', '{}')).toMatchObject({ status: 400, json: { code: 400 } })
  })

  it('refuses what is too large, announced or not', async () => {
    await start({ maxUploadBytes: 100_000 })
    const fields = { hash: md5Of('x'), ext: '.mp4' }
    expect(await gpu.upload('x'.repeat(400_000), fields)).toMatchObject({ status: 413, json: { code: 413 } })
    // A little over: within what the framing of a form may add to the announced length.
    expect(await gpu.upload('x'.repeat(120_000), fields)).toMatchObject({ status: 413, json: { code: 413 } })
    expect(await gpu.incoming()).toEqual([])
  })

  it('says that the disk is full', async () => {
    await start()
    gpu.files.receive = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
    const reply = await gpu.upload('x'.repeat(3_000_000), { hash: md5Of('x'), ext: '.mp4' })
    expect(reply).toMatchObject({ status: 507, json: { code: 507, msg: expect.stringContaining('disk') } })
  })

  it('keeps nothing of an upload that is cut off', async () => {
    await start()
    const boundary = 'B'
    const sending = request(`${gpu.url}/api/heygem/upload_file`, {
      method: 'POST',
      headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}`, 'Content-Length': 50_000_000 },
    })
    sending.on('error', () => undefined)
    sending.write(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n`)
    sending.write(Buffer.alloc(3_000_000))
    while ((await gpu.incoming()).length === 0) await new Promise(setImmediate)
    sending.destroy()
    while ((await gpu.incoming()).length > 0) await new Promise(setImmediate)
    while (!gpu.said.join().includes('upload_aborted')) await new Promise(setImmediate)
    expect(await gpu.stored()).toEqual([])
  })

  it('removes at its start what an earlier process left half uploaded', async () => {
    await start()
    await gpu.stop()
    await mkdir(join(gpu.dir, 'incoming'), { recursive: true })
    await writeFile(join(gpu.dir, 'incoming', 'left'), 'half')
    await utimes(join(gpu.dir, 'incoming', 'left'), 0, 0)
    await start({ dir: gpu.dir })
    expect(await gpu.incoming()).toEqual([])
  })

  it('knows its files again after a restart', async () => {
    await start()
    await gpu.upload('content', { hash: md5Of('content'), ext: '.mp4' })
    await gpu.stop()
    await start({ dir: gpu.dir })
    const reply = await gpu.ask('POST', 'check_files', { files: [{ hash: md5Of('content'), ext: '.MP4' }] })
    expect(reply.json.data).toEqual({ [md5Of('content')]: true })
  })

  it('takes the same file from two senders at once', async () => {
    await start()
    const fields = { hash: md5Of('content'), ext: '.mp4' }
    const replies = await Promise.all([gpu.upload('content', fields, false), gpu.upload('content', fields, false)])
    expect(replies.map((reply) => reply.json.code as number)).toEqual([0, 0])
    expect([await gpu.stored(), await gpu.incoming()]).toEqual([[`${md5Of('content')}.mp4`], []])
  })

  it.each([
    ['new', 'tmp_1'],
    ['known', md5Of('content')],
  ])('passes a large file through without keeping it in memory (%s)', async (_what, hash) => {
    await start()
    await gpu.upload('content', { hash: md5Of('content'), ext: '.mp4' })
    const sizeBytes = 96 * 1024 * 1024
    const { status, peakBytes } = await sendLarge(`${gpu.url}/api/heygem/upload_file`, hash, sizeBytes)
    expect(status).toBe(200)
    expect(peakBytes).toBeLessThan(sizeBytes / 2)
  })
})

/** Sends a file from memory that is used again and again; answers how much memory was used for buffers meanwhile. */
async function sendLarge(url: string, hash: string, sizeBytes: number): Promise<{ status: number; peakBytes: number }> {
  const piece = Buffer.alloc(1024 * 1024, 'lip')
  const before = process.memoryUsage().arrayBuffers
  let peakBytes = 0
  const status = await new Promise<number>((resolve, reject) => {
    const sending = request(url, { method: 'POST', headers: { 'Content-Type': 'multipart/form-data; boundary=B' } })
    sending.on('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sending.on('error', reject)
    sending.write(`--B\r\nContent-Disposition: form-data; name="hash"\r\n\r\n${hash}\r\n`)
    sending.write('--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n')
    let sent = 0
    const more = (): void => {
      while (sent < sizeBytes) {
        sent += piece.length
        peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers - before)
        if (!sending.write(piece)) {
          sending.once('drain', more)
          return
        }
      }
      sending.end('\r\n--B--\r\n')
    }
    more()
  })
  return { status, peakBytes }
}
