import { describe, expect, it } from 'vitest'
import { HttpProvider } from './provider-http'
import { describeProvider, refusalWords, type Action } from './provider.suite'
import { openMachineServer, type MachineDialect } from './test-provider-server'

const secret = 'a webhook secret'
const limits = { stateMs: 5000, startMs: 5000, stopMs: 5000 }
const signal = new AbortController().signal

const webhook: MachineDialect = {
  read: (request, body) => {
    const { action } = JSON.parse(body) as { action: Action }
    const allowed = request.method === 'POST' && request.headers.authorization === `Bearer ${secret}`
    return allowed ? { action } : { action, refusal: `not the secret: ${String(request.headers.authorization)}` }
  },
  answer: (response, action, machine) => {
    response.end(JSON.stringify(action === 'state' ? { state: machine } : {}))
  },
  refuse: (response, _action, words) => {
    response.writeHead(403).end(JSON.stringify({ msg: `${words} for ${secret}` }))
  },
}

describeProvider({
  name: 'http',
  open: async (callLimits) => {
    const server = await openMachineServer(webhook, refusalWords)
    const provider = new HttpProvider({ url: `${server.url}/hook/with-a-token`, secret }, callLimits)
    return { provider, secrets: [secret, 'with-a-token'], behave: server.behave, close: server.close }
  },
})

describe('the http provider', () => {
  it('shows its secret to nobody, nor an address that may hold one', async () => {
    const server = await openMachineServer(webhook, refusalWords)
    const wrong = new HttpProvider({ url: server.url, secret: 'another secret' }, limits)
    await expect(wrong.start(signal)).rejects.toMatchObject({ kind: 'refused', message: 'the webhook answered start with 403: not the secret: Bearer ••• for a webhook secret' })
    await server.close()
    await expect(wrong.start(signal)).rejects.toMatchObject({ kind: 'unreachable', message: 'the provider cannot be reached: ECONNREFUSED' })
  })

  it('goes nowhere else, and reads no endless reply', async () => {
    const away = await openMachineServer({ ...webhook, answer: (response) => response.writeHead(307, { location: '/elsewhere' }).end() }, '')
    await expect(new HttpProvider({ url: away.url, secret }, limits).start(signal)).rejects.toMatchObject({ kind: 'refused' })
    expect(away.bodies).toHaveLength(1)
    await away.close()
    const long = await openMachineServer({ ...webhook, answer: (response) => response.end(' '.repeat(300_000)) }, '')
    await expect(new HttpProvider({ url: long.url, secret }, limits).state(signal)).rejects.toMatchObject({ kind: 'bad_reply' })
    await long.close()
  })
})
