import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CompShareProvider, signatureOf, type CompShareConfig } from './provider-compshare'
import { describeProvider, refusalWords, type Action } from './provider.suite'
import { openMachineServer, type AskedAction, type MachineDialect } from './test-provider-server'

const keys = { publicKey: 'a public key', privateKey: 'a private key' }
const place = { region: 'cn-wlcb', zone: 'cn-wlcb-01', projectId: 'org-x', hostId: 'uhost-1' }
const limits = { stateMs: 5000, startMs: 5000, stopMs: 5000 }
const signal = new AbortController().signal

const actions: Readonly<Record<string, Action>> = {
  DescribeCompShareInstance: 'state',
  StartCompShareInstance: 'start',
  StopCompShareInstance: 'stop',
}

/** Checks a request as the documentation describes it, in its own words. */
function check(body: string): AskedAction {
  const sent = [...new URLSearchParams(body)]
  const value = (name: string): string | undefined => sent.find(([key]) => key === name)?.[1]
  const action = actions[value('Action') ?? ''] ?? 'state'
  const signed = sent.filter(([key]) => key !== 'Signature').sort(([a], [b]) => (a < b ? -1 : 1))
  const expected = createHash('sha1').update(signed.flat().join('') + keys.privateKey).digest('hex')
  if (value('Signature') !== expected) return { action, refusal: `Signature VerifyAC Error of ${body}` }
  const host = action === 'state' ? value('UHostIds.0') : value('UHostId')
  const right = value('PublicKey') === keys.publicKey && value('Region') === place.region && value('Zone') === place.zone
  return right && value('ProjectId') === place.projectId && host === place.hostId ? { action } : { action, refusal: 'wrong parameters' }
}

let hosts = (machine: string): object[] => [{ UHostId: place.hostId, State: machine === 'running' ? 'Running' : 'Stopped' }]
const ucloud: MachineDialect = {
  read: (_request, body) => check(body),
  answer: (response, action, machine) => {
    const set = action === 'state' ? { TotalCount: 1, UHostSet: hosts(machine) } : { UHostId: place.hostId }
    response.end(JSON.stringify({ RetCode: 0, Action: `${action}Response`, ...set }))
  },
  refuse: (response, _action, words) => {
    response.end(JSON.stringify({ RetCode: 8903, Message: `${words} (${keys.privateKey})` }))
  },
}

const open = async (config: Partial<CompShareConfig> = {}, callLimits = limits) => {
  const server = await openMachineServer(ucloud, refusalWords)
  const provider = new CompShareProvider({ url: server.url, ...keys, ...place, ...config }, callLimits)
  return { provider, secrets: [keys.privateKey], behave: server.behave, close: server.close, bodies: server.bodies }
}

describeProvider({ name: 'compshare', open: (callLimits) => open({}, callLimits) })

describe('the compshare provider', () => {
  it('signs as in the documentation’s own example', () => {
    const parameters = { Action: 'DescribeUHostInstance', Region: 'cn-bj2', Limit: '10', PublicKey: 'ucloudsomeone@example.com1296235120854146120' }
    expect(signatureOf(parameters, '46f09bb9fab4f12dfc160dae12273d5332b5debe')).toBe('cba5cf5ec4d4233d206b1b54951e3787350a642f')
  })

  it.each([
    ['Running', 'running'],
    ['Stopped', 'stopped'],
    ['Starting', 'starting'],
    ['Initializing', 'starting'],
    ['Stopping', 'stopping'],
    ['Install Fail', 'unknown'],
    ['Rebooting', 'unknown'],
    ['', 'unknown'],
  ])('reads the state "%s" as %s', async (word, status) => {
    const standIn = await open()
    const honest = hosts
    hosts = () => [{ UHostId: 'another', State: 'Deleting' }, { UHostId: place.hostId, State: word }]
    expect(await standIn.provider.state(signal)).toBe(status)
    hosts = honest
    await standIn.close()
  })

  it('takes no other machine for its own', async () => {
    const standIn = await open()
    const honest = hosts
    hosts = () => [{ UHostId: 'another', State: 'Running' }]
    await expect(standIn.provider.state(signal)).rejects.toMatchObject({ kind: 'bad_reply' })
    hosts = honest
    await standIn.close()
  })

  it('is refused with a wrong key, and sends the key to nobody', async () => {
    const standIn = await open({ privateKey: 'a wrong key' })
    const refused = expect.stringMatching(/^the API refused StartCompShareInstance: Signature VerifyAC Error/) as unknown
    await expect(standIn.provider.start(signal)).rejects.toMatchObject({ kind: 'refused', message: refused })
    expect(decodeURIComponent(standIn.bodies.join().replaceAll('+', ' '))).not.toContain('a wrong key')
    await standIn.close()
  })
})
