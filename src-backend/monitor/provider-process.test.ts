import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { CallLimits } from './provider'
import { ProcessProvider } from './provider-process'
import { describeProvider, refusalWords, type Action, type Behaviour } from './provider.suite'

/** A GPU service as far as its parent sees it. */
const service = `
import { readFileSync } from 'node:fs'
let how = 'well'
try { how = readFileSync(process.argv[2] + '/how', 'utf8') } catch {}
console.error('service ' + process.pid + ' ' + how)
if (how === 'start fail') {
  console.error('${refusalWords}')
  process.exit(1)
}
if (how === 'stop hang') process.on('SIGTERM', () => {})
else process.stdin.on('end', () => process.exit(0)).resume()
setInterval(() => {}, 1000)
if (how !== 'start hang') console.log('{"event":"ready"}')
`

const patient: CallLimits = { stateMs: 15_000, startMs: 15_000, stopMs: 15_000 }
const signal = new AbortController().signal

const open = async (limits: CallLimits, killAfterMs = 10_000) => {
  const dir = await mkdtemp(join(tmpdir(), 'power-process-'))
  const path = join(dir, 'service.mjs')
  await writeFile(path, service)
  const said: string[] = []
  const config = { command: [process.execPath, path, dir], env: { PATH: process.env.PATH }, onSaid: (text: string) => said.push(text), killAfterMs }
  const provider = new ProcessProvider(config, limits)
  return {
    ...{ dir, said, provider, secrets: [] },
    behave: (action: Action, how: Behaviour) => writeFile(join(dir, 'how'), `${action} ${how}`),
    pid: () => Number(/service (\d+)/.exec(said.at(-1) ?? '')?.[1]),
    close: async () => {
      await provider.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const seen = 'its state is what is seen of the child'
describeProvider({
  name: 'process',
  open: (limits) => open(limits),
  never: {
    'state fail': seen,
    'state hang': seen,
    'state garble': seen,
    'stop fail': 'a process is not asked whether it ends',
    'stop hang': 'it is killed then, as tested below',
    'start lie': 'a child that says it is ready is there',
  },
})

describe('the process provider', () => {
  let standIn: Awaited<ReturnType<typeof open>>
  afterEach(() => standIn.close())

  it('sees that the service has died', async () => {
    standIn = await open(patient)
    await standIn.provider.start(signal)
    process.kill(standIn.pid(), 'SIGKILL')
    while ((await standIn.provider.state()) !== 'stopped') await new Promise(setImmediate)
    await standIn.provider.start(signal)
    expect(await standIn.provider.state()).toBe('running')
  })

  it('starts one service, however often it is asked', async () => {
    standIn = await open(patient)
    await Promise.all([standIn.provider.start(signal), standIn.provider.start(signal)])
    await standIn.provider.start(signal)
    expect(standIn.said.join('').match(/service/g)).toHaveLength(1)
  })

  it('kills what does not end when it is asked to', async () => {
    standIn = await open(patient, 50)
    await standIn.behave('stop', 'hang')
    await standIn.provider.start(signal)
    const stopped = standIn.provider.stop(signal)
    expect(await standIn.provider.state()).toBe('stopping')
    await expect(standIn.provider.start(signal)).rejects.toMatchObject({ kind: 'refused' })
    await stopped
    expect(await standIn.provider.state()).toBe('stopped')
  })

  it('leaves no service behind that was not ready in time', async () => {
    standIn = await open({ ...patient, startMs: 100 })
    await standIn.behave('start', 'hang')
    await expect(standIn.provider.start(signal)).rejects.toMatchObject({ kind: 'refused', message: 'the GPU service did not get ready in time' })
    while ((await standIn.provider.state()) !== 'stopped') await new Promise(setImmediate)
  })

  it('says when there is no such program', async () => {
    standIn = await open(patient)
    const nothing = new ProcessProvider({ command: ['/nowhere'], env: {}, onSaid: () => undefined, killAfterMs: 1 }, patient)
    await expect(nothing.start(signal)).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining('ENOENT') as unknown })
    expect(await nothing.state()).toBe('stopped')
  })
})
