import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { heygemTaskType } from '../../src-shared/hub-contract'
import type { PowerStatus } from '../../src-shared/power-contract'
import { createLog } from '../log'
import type { HubLineTimes } from './hub-line'
import { runMonitor } from './monitor'
import type { PowerTimes } from './power'
import { ProviderError, type PowerProvider } from './provider'
import { monitorSecret, TestHub } from './test-hub'
import { WakeTimes } from './wake-times'

const quick: PowerTimes = {
  ...{ checkMs: 10, watchMs: 2, idleMs: 40, startWaitMs: 60_000, stopWaitMs: 60_000, settleMs: 60_000 },
  ...{ retryMs: 5, longestRetryMs: 10, tries: 3 },
}
/** Nothing happens by the clock: only what is said makes the monitor look. */
const still: PowerTimes = { ...quick, checkMs: 3_600_000, watchMs: 3_600_000, idleMs: 3_600_000 }
const lineTimes: HubLineTimes = { reconnectMs: 2, longestReconnectMs: 10, pingMs: 5000, silenceMs: 10_000, answerMs: 10_000 }

/** A machine that does what the test says. */
class HandMachine implements PowerProvider {
  status: PowerStatus = 'stopped'
  ready = false
  failure: Error | undefined
  readonly calls: string[] = []
  looks = 0
  /** What a call makes of the machine at once. */
  readonly after: { start: PowerStatus; stop: PowerStatus } = { start: 'starting', stop: 'stopping' }

  async state(): Promise<PowerStatus> {
    this.looks += 1
    return this.status
  }

  start(): Promise<void> {
    return this.called('start')
  }

  stop(): Promise<void> {
    return this.called('stop')
  }

  isOn(): void {
    this.status = 'running'
    this.ready = true
  }

  isOff(): void {
    this.status = 'stopped'
    this.ready = false
  }

  private async called(what: 'start' | 'stop'): Promise<void> {
    this.calls.push(what)
    if (this.failure) throw this.failure
    this.status = this.after[what]
  }
}

describe('the monitor', () => {
  let hub: TestHub
  let machine: HandMachine
  let dir: string
  const said: string[] = []
  let stop: () => Promise<void> = () => Promise.resolve()

  const begin = async (times: PowerTimes, more: { secret?: string; line?: Partial<HubLineTimes> } = {}): Promise<void> => {
    const stopping = new AbortController()
    const log = createLog((line) => said.push(line))
    const wakes = await WakeTimes.open(join(dir, 'wakes.json'), log)
    const running = runMonitor(
      {
        provider: machine,
        health: () => Promise.resolve({ ready: machine.ready, busy: false }),
        hub: { url: hub.url, secret: more.secret ?? monitorSecret, times: { ...lineTimes, ...more.line } },
        ...{ times, wakes, log },
      },
      stopping.signal,
    )
    stop = async () => {
      stopping.abort()
      await running
      await wakes.settled()
    }
  }
  const looks = async (count: number): Promise<void> => {
    const enough = machine.looks + count
    while (machine.looks < enough) await new Promise(setImmediate)
  }

  beforeEach(async () => {
    hub = await TestHub.open()
    machine = new HandMachine()
    dir = await mkdtemp(join(tmpdir(), 'monitor-'))
    said.length = 0
  })
  afterEach(async () => {
    await stop()
    await hub.down()
    await rm(dir, { recursive: true, force: true })
  })

  it('registers with its secret in the message, asks for demand and says how the machine is', async () => {
    await begin(still)
    expect(await hub.until('register')).toEqual({ type: 'register', role: 'gpu_monitor', secret: monitorSecret })
    expect(await hub.until('gpu.power.state', { status: 'stopped' })).toEqual({
      ...{ type: 'gpu.power.state', status: 'stopped', since: expect.closeTo(Date.now() / 1000, -2), usual_wake_ms: null },
    })
    expect(hub.urls).toEqual(['/dsp'])
    expect(hub.questions).toBeGreaterThan(0)
    expect(said.join()).not.toContain(monitorSecret)
  })

  it('wakes the machine for a task that waits, says when it has power, and when it answers', async () => {
    hub.demand = { active_count: 1, waiting: 1 }
    await begin(quick)
    expect(await hub.until('gpu.power.state', { status: 'starting' })).toMatchObject({ usual_wake_ms: null })
    machine.status = 'running'
    expect(await hub.until('gpu.power.booted')).toMatchObject({ status: 'booted', source: 'gpu_monitor' })
    expect((await hub.settled()).map(({ type }) => type as string)).toEqual([])
    machine.isOn()
    expect(await hub.until('gpu.power.state', { status: 'running' })).toMatchObject({ usual_wake_ms: expect.any(Number) })
    expect(await hub.until('gpu.power.online')).toMatchObject({ status: 'running', source: 'gpu_monitor' })
    expect(machine.calls).toEqual(['start'])
  })

  it('acts on a notice at once', async () => {
    await begin(still)
    await hub.until('gpu.power.state', { status: 'stopped' })
    hub.demand = { active_count: 1, waiting: 1 }
    hub.send({ type: 'gpu.job.submit', task_type: heygemTaskType, key: 'k' })
    await hub.until('gpu.power.state', { status: 'starting' })
    expect(machine.calls).toEqual(['start'])
  })

  it('starts for a notice though the server does not know the question, if it is about a GPU', async () => {
    hub.demand = undefined
    await begin(quick, { line: { answerMs: 5 } })
    await hub.until('gpu.power.state', { status: 'stopped' })
    hub.send({ type: 'gpu.job.submit', task_type: 'delete_asset', key: 'k' })
    hub.send({ type: 'gpu.status.query' })
    await hub.until('gpu.status.response', { fresh: true })
    expect(machine.calls).toEqual([])
    hub.send({ type: 'gpu.job.submit', task_type: heygemTaskType, key: 'k' })
    await hub.until('gpu.power.state', { status: 'starting' })
  })

  it('starts nothing for a notice of a task that is taken already', async () => {
    await begin(still)
    await hub.until('gpu.power.state', { status: 'stopped' })
    hub.demand = { active_count: 1, waiting: 0, running: 1 }
    hub.send({ type: 'gpu.job.submit', task_type: heygemTaskType, key: 'k' })
    await looks(1)
    hub.send({ type: 'gpu.status.query' })
    await hub.until('gpu.status.response')
    expect(machine.calls).toEqual([])
  })

  it('answers everybody who asked for a boot, once it is on and when it was on already', async () => {
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'stopped' })
    for (const request_id of ['one', 'two', 'one']) hub.send({ type: 'gpu.power.boot', request_id })
    await hub.until('gpu.power.state', { status: 'starting' })
    machine.isOn()
    await hub.until('gpu.power.booted', { request_id: 'two' })
    await hub.until('gpu.power.online', { request_id: 'one' })
    await hub.until('gpu.power.online', { request_id: 'two' })
    hub.send({ type: 'gpu.power.boot', request_id: 'three' })
    await hub.until('gpu.power.online', { request_id: 'three' })
    expect((await hub.settled()).filter((message) => message.type === 'gpu.power.online')).toEqual([])
    expect(machine.calls).toEqual(['start'])
  })

  it('says that a boot was refused, tries again, and gives up', async () => {
    machine.failure = new ProviderError('refused', 'the API refused it: no card free (8039)')
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'stopped' })
    hub.send({ type: 'gpu.power.boot', request_id: 'mine' })
    const told = { request_id: 'mine', success: false, status: 'error', error_code: 'start_refused', msg: machine.failure.message }
    for (const will_retry of [true, true, false]) expect(await hub.until('gpu.power.boot.result')).toMatchObject({ ...told, will_retry })
    expect((await hub.settled()).map(({ type }) => type as string)).not.toContain('gpu.power.boot.result')
    expect(machine.calls).toHaveLength(quick.tries)
    machine.failure = undefined
    hub.send({ type: 'gpu.power.boot', request_id: 'again' })
    await hub.until('gpu.power.state', { status: 'starting' })
  })

  it('says that a machine with power does not answer, and never that it is online', async () => {
    hub.demand = { active_count: 1, waiting: 1 }
    machine.after.start = 'running'
    await begin({ ...quick, startWaitMs: 20 })
    expect(await hub.until('gpu.power.boot.result')).toMatchObject({ status: 'failed', error_code: 'service_silent', will_retry: false })
    expect(hub.heard.map(({ type }) => type as string)).not.toContain('gpu.power.online')
    expect(await hub.settled()).toEqual([])
    machine.ready = true
    await hub.until('gpu.power.online')
  })

  it('takes a machine that still says it is off after the call for one that is starting', async () => {
    hub.demand = { active_count: 1, waiting: 1 }
    machine.after.start = 'stopped'
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'starting' })
    await looks(5)
    machine.isOn()
    await hub.until('gpu.power.online')
    expect(machine.calls).toEqual(['start'])
  })

  it('starts once, however much is asked of it while a call is under way', async () => {
    let release: () => void = () => undefined
    machine.start = () => {
      machine.calls.push('start')
      return new Promise((resolve) => (release = resolve))
    }
    hub.demand = { active_count: 3, waiting: 3 }
    await begin({ ...quick, settleMs: 1, tries: 100 })
    await hub.until('gpu.power.boot.result', { error_code: 'start_undone' })
    hub.send({ type: 'gpu.power.boot', request_id: 'more' })
    await looks(10)
    expect(machine.calls).toEqual(['start'])
    release()
    await hub.until('gpu.power.state', { status: 'starting' })
    expect(machine.calls).toEqual(['start', 'start'])
    release()
  })

  it('answers a status query at once with what it knows, and again with what it finds', async () => {
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'stopped' })
    machine.isOn()
    hub.send({ type: 'gpu.status.query', request_id: 'q' })
    const answers = [await hub.until('gpu.status.response'), await hub.until('gpu.status.response')]
    expect(answers[0]).toMatchObject({ request_id: 'q', source: 'gpu_monitor' })
    expect(answers[1]).toEqual({ type: 'gpu.status.response', request_id: 'q', source: 'gpu_monitor', status: 'running', fresh: true })
  })

  it('stops a machine without tasks, and wakes it again for one that came while it was stopping', async () => {
    machine.isOn()
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'stopping' })
    hub.demand = { active_count: 1, waiting: 1 }
    hub.send({ type: 'gpu.job.submit', task_type: heygemTaskType, key: 'k' })
    await looks(5)
    expect(machine.calls).toEqual(['stop'])
    machine.isOff()
    await hub.until('gpu.power.state', { status: 'starting' })
    expect(machine.calls).toEqual(['stop', 'start'])
  })

  it('remembers a boot that was asked for while it was stopping', async () => {
    machine.isOn()
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'stopping' })
    hub.send({ type: 'gpu.power.boot', request_id: 'late' })
    await hub.settled()
    machine.isOff()
    await hub.until('gpu.power.state', { status: 'starting' })
    machine.isOn()
    await hub.until('gpu.power.online', { request_id: 'late' })
  })

  it('keeps the machine on while tasks run, while they say so, and while the hub cannot be asked', async () => {
    machine.isOn()
    hub.demand = { active_count: 1, waiting: 0, running: 1 }
    await begin(quick)
    await hub.until('gpu.power.online')
    const past = async (): Promise<void> => {
      const end = Date.now() + quick.idleMs * 2
      while (Date.now() < end) await looks(1)
    }
    await past()
    const { port } = hub
    await hub.down()
    await past()
    hub.demand = { active_count: 0, has_recent_active: true, waiting: 0 }
    await hub.up(port)
    expect(await hub.until('gpu.power.state')).toMatchObject({ status: 'running' })
    // Who asked meanwhile may have missed it.
    await hub.until('gpu.power.online')
    await past()
    expect(machine.calls).toEqual([])
    hub.demand = { active_count: 0, waiting: 0 }
    await hub.until('gpu.power.state', { status: 'stopping' })
  })

  it('answers who asked for a boot when the hub is back, if it was away at the end', async () => {
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'stopped' })
    hub.send({ type: 'gpu.power.boot', request_id: 'mine' })
    await hub.until('gpu.power.state', { status: 'starting' })
    const { port } = hub
    await hub.down()
    machine.isOn()
    await looks(5)
    await hub.up(port)
    await hub.until('gpu.power.online', { request_id: 'mine' })
  })

  it('does not power on while the hub is away, and asks again when it is back', async () => {
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'stopped' })
    const { port } = hub
    await hub.down()
    hub.demand = { active_count: 1, waiting: 1 }
    await looks(5)
    expect(machine.calls).toEqual([])
    await hub.up(port)
    await hub.until('gpu.power.state', { status: 'starting' })
  })

  it('is let in by nobody with a wrong secret, and starts nothing', async () => {
    hub.demand = { active_count: 1, waiting: 1 }
    await begin(quick, { secret: 'a wrong secret' })
    for (let tries = 0; tries < 3; tries += 1) await hub.until('register')
    expect([hub.questions, machine.calls]).toEqual([0, []])
    expect(said.join()).not.toContain('a wrong secret')
  })

  it('connects again when nothing comes over the line, not even an answer to its pings', async () => {
    await begin(still, { line: { pingMs: 10, silenceMs: 200 } })
    await hub.until('gpu.power.state')
    for (let pings = 0; pings < 30; pings += 1) await hub.until('ping')
    expect(hub.urls).toHaveLength(1)
    hub.silent = true
    await hub.until('register')
  })

  it('goes on where it was after a restart in the middle of a boot', async () => {
    hub.demand = { active_count: 1, waiting: 1 }
    await begin(quick)
    await hub.until('gpu.power.state', { status: 'starting' })
    await stop()
    await begin(quick)
    await hub.until('register')
    await hub.until('gpu.power.state', { status: 'starting' })
    machine.isOn()
    await hub.until('gpu.power.online')
    expect(machine.calls).toEqual(['start'])
  })
})

describe('wake times', () => {
  it('are the median of the last ten, kept over restarts, whatever is in the file', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'wakes-'))
    const path = join(dir, 'monitor', 'wakes.json')
    const log = createLog(() => undefined)
    const times = await WakeTimes.open(path, log)
    expect(times.usualMs()).toBeNull()
    for (const ms of [900_000, 5, 1, 2, 3, 4]) times.add(ms)
    expect(times.usualMs()).toBe(4)
    for (const ms of [10, 20, 30, 40, 50]) times.add(ms)
    await times.settled()
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ wakesMs: [5, 1, 2, 3, 4, 10, 20, 30, 40, 50] })
    expect((await WakeTimes.open(path, log)).usualMs()).toBe(8)
    await writeFile(path, '{"wakesMs":["x"]')
    expect((await WakeTimes.open(path, log)).usualMs()).toBeNull()
    await rm(dir, { recursive: true, force: true })
  })
})
