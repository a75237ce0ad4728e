import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CommandProvider } from './provider-command'
import type { CallLimits } from './provider'
import { describeProvider, refusalWords, type Action, type Behaviour } from './provider.suite'

/** An operator's script: it keeps the machine in a file, and does as another file says. */
const script = `
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const [, , dir, action] = process.argv
const read = (name) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : '')
const how = read('how-' + action) || 'well'
writeFileSync(join(dir, 'environment'), JSON.stringify(process.env))
if (how === 'fail') {
  console.error('a warning\\n${refusalWords}')
  process.exit(3)
} else if (how === 'hang') {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
  writeFileSync(join(dir, 'pid'), String(child.pid))
} else if (action === 'state') {
  console.log(how === 'garble' ? 'it is fine' : 'asking the cloud\\n' + (read('machine') || 'Stopped'))
} else {
  if (how === 'well') writeFileSync(join(dir, 'machine'), action === 'start' ? 'running' : 'stopped')
  console.log('x'.repeat(100_000))
}
`

const patient: CallLimits = { stateMs: 15_000, startMs: 15_000, stopMs: 15_000 }
const signal = new AbortController().signal

const open = async (limits: CallLimits) => {
  const dir = await mkdtemp(join(tmpdir(), 'power command '))
  const path = join(dir, 'power.mjs')
  await writeFile(path, script)
  const command = (action: Action): string[] => [process.execPath, path, dir, action]
  const env = { PATH: process.env.PATH, CLOUD_PROFILE: 'mine' }
  return {
    dir,
    provider: new CommandProvider({ start: command('start'), stop: command('stop'), state: command('state'), env }, limits),
    secrets: [],
    behave: (action: Action, how: Behaviour) => writeFile(join(dir, `how-${action}`), how),
    close: () => rm(dir, { recursive: true, force: true }),
  }
}

describeProvider({ name: 'command', open })

describe('the command provider', () => {
  it('ends all that a program began when it takes too long', async () => {
    const standIn = await open({ ...patient, startMs: 15_000 })
    await standIn.behave('start', 'hang')
    const stopping = new AbortController()
    const call = standIn.provider.start(stopping.signal)
    let pid = 0
    while (pid === 0) pid = Number(await readFile(join(standIn.dir, 'pid'), 'utf8').catch(() => 0))
    stopping.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    while (isThere(pid)) await new Promise(setImmediate)
    await standIn.close()
  })

  it('gives a program the environment it was given, and no more', async () => {
    const standIn = await open(patient)
    await standIn.provider.state(signal)
    const seen = JSON.parse(await readFile(join(standIn.dir, 'environment'), 'utf8')) as Record<string, string>
    expect([seen.CLOUD_PROFILE, Object.keys(seen).filter((name) => name.startsWith('VITEST'))]).toEqual(['mine', []])
    await standIn.close()
  })

  it('says which command cannot be run', async () => {
    const nothing = { start: ['/nowhere/at all'], stop: ['/nowhere'], state: ['/nowhere'], env: {} }
    await expect(new CommandProvider(nothing, patient).start(signal)).rejects.toMatchObject({
      kind: 'unreachable',
      message: 'the start command cannot be run: ENOENT',
    })
  })
})

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
