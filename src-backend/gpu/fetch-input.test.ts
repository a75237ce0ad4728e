import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileStore } from '../files/file-store'
import { createLog } from '../log'
import { md5Of } from '../test-media'
import { createInputSource, type fetchTimes, filesUrlOf, InputNotThere } from './fetch-input'

const content = randomBytes(3_000_000)
const hash = md5Of(content)
const never = new AbortController().signal

/** What an API says to one request. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void

const whole: Answer = (_request, response) => {
  response.writeHead(200, { 'Content-Length': content.length, 'Content-Disposition': `inline; filename=${hash}.mp4` }).end(content)
}
const status =
  (code: number): Answer =>
  (_request, response) => {
    response.writeHead(code).end('{}')
  }
/** So many bytes, and the line breaks. */
const cutAfter =
  (bytes: number): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'Content-Length': content.length, 'Content-Disposition': `inline; filename=${hash}.mp4` })
    response.write(content.subarray(0, bytes), () => setImmediate(() => response.destroy()))
  }
const rest: Answer = (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1])
  response.writeHead(206, {
    'Content-Range': `bytes ${String(from)}-${String(content.length - 1)}/${String(content.length)}`,
    'Content-Disposition': `inline; filename=${hash}.mp4`,
  })
  response.end(content.subarray(from))
}

describe('an input that the API has', () => {
  let dir: string
  let files: FileStore
  let server: Server
  let asked: IncomingMessage[]
  let answers: Answer[]
  const said: string[] = []

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fetch-'))
    files = await FileStore.open(dir)
    asked = []
    server = createServer((request, response) => {
      asked.push(request)
      const answer = answers.shift()
      if (answer) answer(request, response)
      else request.socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await rm(dir, { recursive: true })
  })

  const fetchIt = (signal = never, more: Partial<typeof fetchTimes> = {}): Promise<void> => {
    const { port } = server.address() as AddressInfo
    const log = createLog((line) => said.push(line))
    const times = { tries: 3, againMs: 1, longestAgainMs: 2, idleMs: 10_000, ...more }
    return createInputSource({ files, url: `http://127.0.0.1:${String(port)}/files`, secret: 'S', log, times }).fetch(hash, signal)
  }
  const expectStored = async (): Promise<void> => {
    const file = await files.find(hash)
    expect(file?.ext).toBe('.mp4')
    expect(readFileSync(file!.path).equals(content)).toBe(true)
    expect(await readdir(join(dir, 'incoming'))).toEqual([])
  }
  const expectNothing = async (): Promise<void> => {
    expect([await readdir(join(dir, 'store')), await readdir(join(dir, 'incoming'))]).toEqual([[], []])
  }

  it('is fetched with the secret in a header, and kept under its hash', async () => {
    answers = [whole]
    await fetchIt()
    await expectStored()
    expect(asked[0]).toMatchObject({ url: `/files/${hash}`, headers: { authorization: 'Bearer S' } })
  })

  it('goes on where a cut ended', async () => {
    answers = [cutAfter(1_000_000), rest]
    await fetchIt()
    await expectStored()
    const from = Number(/^bytes=(\d+)-$/.exec(asked[1]!.headers.range ?? '')?.[1])
    expect(from).toBeGreaterThan(0)
    expect(from).toBeLessThanOrEqual(1_000_000)
    expect(asked[1]!.headers['if-range']).toBe(`"${hash}"`)
  })

  it('begins anew where the server sends the whole file instead of the rest', async () => {
    answers = [cutAfter(1_000_000), whole]
    await fetchIt()
    await expectStored()
  })

  it('does not keep what is not what its name says, and asks again for the whole of it', async () => {
    answers = [(_request, response) => response.writeHead(200).end('something else'), whole]
    await fetchIt()
    await expectStored()
    expect(asked[1]!.headers.range).toBeUndefined()
  })

  it('is tried again after a failure, and given up after the last try', async () => {
    answers = [status(503), status(503), whole]
    await fetchIt()
    await expectStored()
    await rm(join(dir, 'store', `${hash}.mp4`))
    answers = [status(503), status(503), status(503), whole]
    await expect(fetchIt()).rejects.toThrow(new InputNotThere('an input could not be fetched from the API: HTTP 503'))
    await expectNothing()
  })

  it.each([
    [404, 'the API does not have it'],
    [401, 'the API refuses this worker (HTTP 401)'],
  ])('is not asked for again after %i', async (code, reason) => {
    answers = [status(code), whole]
    await expect(fetchIt()).rejects.toThrow(reason)
    expect(asked).toHaveLength(1)
  })

  it('is not waited for when the sender is silent', async () => {
    const silent: Answer = (_request, response) => void response.writeHead(200).write('x')
    answers = [silent, whole]
    await fetchIt(never, { idleMs: 100 })
    await expectStored()
  })

  it('leaves nothing when it is stopped', async () => {
    const stopping = new AbortController()
    answers = [
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': content.length }).write(content.subarray(0, 1000), () => {
          stopping.abort(new Error('stopped'))
        })
      },
    ]
    await expect(fetchIt(stopping.signal)).rejects.toThrow('stopped')
    await expectNothing()
  })

  it('is fetched anew after the disk refused it', async () => {
    // A folder in the place of the temporary files: nothing can be opened below it.
    await rm(join(dir, 'incoming'), { recursive: true })
    await writeFile(join(dir, 'incoming'), '')
    answers = [whole, whole, whole]
    await expect(fetchIt()).rejects.toThrow(InputNotThere)
    await rm(join(dir, 'incoming'))
    files = await FileStore.open(dir)
    answers = [whole]
    await fetchIt()
    await expectStored()
  })
})

describe('where the API has its files', () => {
  it.each([
    ['ws://127.0.0.1:9501/dsp', 'http://127.0.0.1:9501/api/heygem/files'],
    ['wss://api.example.com/dsp/', 'https://api.example.com/api/heygem/files'],
    ['wss://example.com/desk/dsp?x=1', 'https://example.com/desk/api/heygem/files'],
    ['ws://127.0.0.1:9501', 'http://127.0.0.1:9501/api/heygem/files'],
  ])('%s', (hub, expected) => {
    expect(filesUrlOf(hub)).toBe(expected)
  })
})
