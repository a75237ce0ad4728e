import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hostOf, requestJson, saidBy, type JsonRequest } from './json-request'
import { failureOf, never, stopOf } from './testing/failure-of'
import { deadAddress, startScriptedServer, startSocketServer, type ScriptedServer } from './testing/scripted-server'

const html = '<html><body><h1>Welcome</h1></body></html>'

describe('requestJson', () => {
  let server: ScriptedServer
  beforeEach(async () => void (server = await startScriptedServer()))
  afterEach(() => server.close())

  const ask = (more: Partial<JsonRequest> = {}) =>
    requestJson({ server: 'gpu', method: 'GET', baseUrl: server.url, path: '/some/path', headers: {}, timeoutMs: 10_000, signal: never, ...more })

  it('asks as it was told', async () => {
    const reply = ask({ method: 'POST', baseUrl: `${server.url}/base`, query: { task_id: 'a&b=c 任务' }, headers: { 'X-One': '1' }, body: { name: '声音' } })
    const asked = await server.next()
    expect(asked).toMatchObject({ method: 'POST', path: '/base/some/path', query: { task_id: 'a&b=c 任务' } })
    expect(asked.headers).toMatchObject({ 'x-one': '1', accept: 'application/json', 'content-type': 'application/json' })
    expect(await asked.json()).toEqual({ name: '声音' })
    asked.answer(200, { code: 0 })
    expect(await reply).toEqual({ status: 200, json: { code: 0 } })
  })

  it.each([200, 400, 401, 404, 413, 429, 500, 502, 507])('hands on the JSON of a reply with status %i', async (status) => {
    const reply = ask()
    ;(await server.next()).answer(status, { code: status, msg: 'words' })
    expect(await reply).toEqual({ status, json: { code: status, msg: 'words' } })
  })

  it('reads JSON whatever it is called, with a byte order mark, packed or in pieces', async () => {
    for (const [body, headers] of [
      ['{"code":0}', { 'Content-Type': 'text/html' }],
      ['\ufeff{"code":0}', {}],
      [gzipSync('{"code":0}'), { 'Content-Encoding': 'gzip' }],
    ] as const) {
      const reply = ask()
      ;(await server.next()).answer(200, body, headers)
      expect(await reply).toEqual({ status: 200, json: { code: 0 } })
    }
    const reply = ask()
    const { response } = await server.next()
    response.write('{"co')
    response.end('de":0}')
    expect(await reply).toEqual({ status: 200, json: { code: 0 } })
  })

  it.each([
    [200, html, 'server_not_json'],
    [404, html, 'server_not_json'],
    [405, html, 'server_not_json'],
    [500, html, 'server_failed'],
    [502, html, 'server_failed'],
    [503, '', 'server_failed'],
    [401, html, 'secret_wrong'],
    [403, html, 'secret_wrong'],
    [413, html, 'upload_too_large'],
    [429, '', 'server_busy'],
    [507, '', 'server_disk_full'],
    [200, '', 'server_not_json'],
    [200, '{"code":0,"da', 'server_not_json'],
    [200, '"ok"', 'server_not_json'],
    [200, 'null', 'server_not_json'],
  ])('calls a reply %i %j %s', async (status, body, code) => {
    const failure = failureOf(ask())
    ;(await server.next()).answer(status, body)
    expect((await failure).toData()).toMatchObject({ code, detail: { server: 'gpu', host: server.host } })
  })

  it.each([301, 302, 303, 307, 308])('does not follow a redirect (%i): it would carry the keys elsewhere', async (status) => {
    const other = await startScriptedServer()
    try {
      const failure = failureOf(ask({ headers: { Authorization: 'Bearer secret' } }))
      ;(await server.next()).answer(status, html, { Location: other.url })
      expect((await failure).code).toBe('server_not_json')
      expect(other.seen()).toBe(0)
      expect(server.seen()).toBe(1)
    } finally {
      await other.close()
    }
  })

  it('asks the server itself, whatever proxy the environment names', async () => {
    process.env['HTTP_PROXY'] = await deadAddress()
    try {
      const reply = ask()
      ;(await server.next()).answer(200, { code: 0 })
      expect((await reply).status).toBe(200)
    } finally {
      delete process.env['HTTP_PROXY']
    }
  })

  it('gives up on a server that takes the request and says nothing', async () => {
    const failure = failureOf(ask({ timeoutMs: 60 }))
    const asked = await server.next()
    expect((await failure).toData()).toMatchObject({ code: 'server_timeout', detail: { host: server.host } })
    await asked.hungUp
  })

  it('gives up on a server that falls silent within its reply', async () => {
    const failure = failureOf(ask({ timeoutMs: 60 }))
    const { response } = await server.next()
    response.writeHead(200, { 'Content-Length': 100 }).write('{"code":')
    expect((await failure).code).toBe('server_timeout')
  })

  it('says that nobody listens', async () => {
    const failure = await failureOf(ask({ baseUrl: await deadAddress() }))
    expect(failure.toData()).toMatchObject({ code: 'server_unreachable', detail: { system: 'ECONNREFUSED' } })
    expect(failure.transient).toBe(true)
  })

  it('says that the connection was reset before a reply', async () => {
    const failure = failureOf(ask())
    ;(await server.next()).reset()
    expect((await failure).code).toBe('server_unreachable')
  })

  it('says that the connection was cut within a reply, which may be tried again', async () => {
    const failure = failureOf(ask())
    const asked = await server.next()
    asked.response.writeHead(200, { 'Content-Length': 1000 })
    await new Promise((resolve) => asked.response.write('{"code":0,"data":', resolve))
    asked.reset()
    expect((await failure).toData()).toMatchObject({ code: 'server_unreachable', detail: { host: server.host } })
  })

  it('says that the connection was closed within a reply, which may be tried again', async () => {
    const failure = failureOf(ask())
    const asked = await server.next()
    asked.response.writeHead(200, { 'Content-Length': 1000 })
    await new Promise((resolve) => asked.response.write('{"code":0,"data":', resolve))
    asked.request.socket.destroySoon()
    expect((await failure).code).toBe('server_unreachable')
  })

  it('takes no reply of endless length', async () => {
    const failure = failureOf(ask())
    const { response, hungUp } = await server.next()
    response.on('error', () => undefined)
    const piece = Buffer.alloc(1024 * 1024, ' ')
    let open = true
    void hungUp.then(() => (open = false))
    const pour = (): void => void (open && response.write(piece, pour))
    pour()
    expect((await failure).code).toBe('server_not_json')
    await hungUp
  })

  it('knows a server that speaks no HTTP', async () => {
    const other = await startSocketServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))
    try {
      expect((await failureOf(ask({ baseUrl: other.url }))).code).toBe('server_not_json')
    } finally {
      await other.close()
    }
  })

  it('stops when it is asked to, and hangs up', async () => {
    const stopping = new AbortController()
    const stopped = stopOf(ask({ signal: stopping.signal }))
    const asked = await server.next()
    stopping.abort()
    await stopped
    await asked.hungUp
  })

  it.each([
    ['gpu', 'secret_wrong'],
    ['api', 'license_unknown'],
  ] as const)('sends the %s server no key that a header cannot carry, and no other one instead', async (name, code) => {
    for (const key of ['卡密-1234', 'KEY\u200b1234', 'KEY\n1234', 'clé-1234']) {
      const failure = await failureOf(ask({ server: name, headers: { Authorization: `Bearer ${key}` } }))
      expect(failure.toData()).toEqual({ code, detail: { server: name, host: server.host } })
    }
    expect(server.seen()).toBe(0)
  })

  it('asks nothing when it was stopped before', async () => {
    await stopOf(ask({ signal: AbortSignal.abort() }))
    expect(server.seen()).toBe(0)
  })
})

describe('hostOf', () => {
  it('names host and port, never what follows them', () => {
    expect(hostOf('https://gpu.example.com:8443/api?token=secret')).toBe('gpu.example.com:8443')
  })
})

describe('saidBy', () => {
  it.each([
    [undefined, ''],
    ['  two\n lines\t', 'two lines'],
    ['<h1>Not Found</h1><p>gone</p>', 'Not Found gone'],
    ['a\u0000b\u202ec', 'a b c'],
  ])('makes one line without markup of %j', (words, said) => {
    expect(saidBy(words, [])).toBe(said)
  })

  it('leaves out the keys that were sent', () => {
    expect(saidBy('card KEY-1234 and KEY-1234 of s3cret', ['KEY-1234', 's3cret', ''])).toBe('card ••• and ••• of •••')
  })

  it('is short, and holds no piece of a key at its end', () => {
    const said = saidBy(`${'x'.repeat(290)} KEY-1234567890`, ['KEY-1234567890'])
    expect(said.length).toBeLessThanOrEqual(300)
    expect(said).not.toContain('KEY')
  })
})
