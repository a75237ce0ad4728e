// The power monitor at work: asks the provider, the service and the hub how things are, lets power-state.ts decide, does
// it, and says what came of it. It keeps nothing but past wake times: after a restart it asks again.
import { heygemTaskType, type HubMessage } from '../../src-shared/hub-contract'
import { reasonOf, type Log } from '../log'
import type { ServiceHealth } from './health'
import { HubLine, type HubLineTimes } from './hub-line'
import { bootAsked, initialPower, jobNoticed, taskActive, type Act, type Decision, type Power, type PowerFailure, type PowerTimes } from './power'
import { callFailed, decide, nextCheckMs } from './power-state'
import { ProviderError, type PowerProvider } from './provider'
import type { WakeTimes } from './wake-times'

export interface MonitorParts {
  readonly provider: PowerProvider
  readonly health: (signal: AbortSignal) => Promise<ServiceHealth>
  readonly hub: { readonly url: string; readonly secret: string; readonly times: HubLineTimes }
  readonly times: PowerTimes
  readonly wakes: WakeTimes
  readonly log: Log
}

/** Other types need no GPU (quirk 17). */
const gpuTaskTypes: readonly string[] = [heygemTaskType]
/** Of those who wait for an answer; older ones have long given up. */
const rememberedRequests = 200
const source = 'gpu_monitor'

/** Ends when the signal aborts. */
export async function runMonitor(parts: MonitorParts, signal: AbortSignal): Promise<void> {
  await new Monitor(parts, signal).run()
}

class Monitor {
  private power: Power = initialPower(Date.now())
  private readonly line: HubLine
  private call: Promise<void> | undefined
  /** Boots that somebody waits for, with the failure they were told last. */
  private readonly boots = new Map<string, PowerFailure | undefined>()
  /** Status queries that wait for a fresh answer. */
  private queries: (string | undefined)[] = []
  private dueAt = 0
  private checkedAt = 0
  private wake: () => void = () => undefined

  constructor(
    private readonly parts: MonitorParts,
    private readonly signal: AbortSignal,
  ) {
    this.line = new HubLine({
      ...parts.hub,
      log: parts.log,
      onMessage: (message) => {
        this.hear(message)
      },
      onUp: () => {
        // What was said while the line was down is lost: said again.
        this.tellState()
        if (this.power.status === 'running' && this.boots.size === 0) this.tellOnline(undefined)
        this.tellBoots()
        this.checkBy(0)
      },
    })
  }

  async run(): Promise<void> {
    const onAbort = (): void => {
      this.wake()
    }
    this.signal.addEventListener('abort', onAbort)
    const linked = this.line.run(this.signal)
    while (!this.signal.aborted) {
      await this.check()
      await this.untilDue()
    }
    this.signal.removeEventListener('abort', onAbort)
    await Promise.all([linked, this.call])
  }

  private async check(): Promise<void> {
    const { parts, signal } = this
    const queries = this.queries.splice(0)
    this.dueAt = Infinity
    const [machine, health, demand] = await Promise.all([this.askMachine(), parts.health(signal), this.line.demand(this.power.hints)])
    if (signal.aborted) return
    // What was heard meanwhile is in `power` already.
    this.take(decide(this.power, { ...machine, ...health, demand, calling: this.call !== undefined }, Date.now(), parts.times))
    this.checkedAt = Date.now()
    this.checkBy(this.checkedAt + nextCheckMs(this.power, this.checkedAt, parts.times))
    // What is not known is no news.
    if (this.power.status === 'unknown') return
    for (const request_id of queries) this.answerQuery(request_id, { fresh: true })
  }

  private async askMachine(): Promise<{ machine: Power['status']; machineError?: string }> {
    try {
      return { machine: await this.parts.provider.state(this.signal) }
    } catch (error) {
      return { machine: 'unknown', machineError: reasonOf(error) }
    }
  }

  private take({ power, acts }: Decision): void {
    const before = this.power
    this.power = power
    for (const act of acts) if (act.type === 'tell-online' && act.wakeMs !== undefined) this.parts.wakes.add(act.wakeMs)
    if (power.status !== before.status || power.error !== before.error) {
      this.parts.log.info('power_state', { from: before.status, to: power.status, error: power.error?.code, reason: power.error?.msg })
      this.tellState()
    }
    for (const act of acts) this.carryOut(act)
    this.tellBoots()
  }

  private carryOut(act: Act): void {
    const ids = this.boots.size > 0 ? [...this.boots.keys()] : [undefined]
    switch (act.type) {
      case 'start':
      case 'stop':
        this.beginCall(act.type)
        return
      case 'tell-booted':
        for (const id of ids) this.line.send({ type: 'gpu.power.booted', status: 'booted', msg: 'the GPU machine has power', source, ...withId(id) })
        return
      case 'tell-online':
        if (act.wakeMs !== undefined) this.parts.log.info('power_wake', { ms: act.wakeMs })
        // Who asked by name is answered by name, below.
        if (this.boots.size === 0) this.tellOnline(undefined)
        return
      case 'tell-failed':
        if (this.boots.size === 0) this.tellFailed(undefined, act.failure)
        return
    }
  }

  /** One at a time: `decide` is told that there is one. */
  private beginCall(kind: 'start' | 'stop'): void {
    const { provider, log, times } = this.parts
    log.info(`power_${kind}`)
    this.call = provider[kind](this.signal)
      .catch((error: unknown) => {
        if (this.signal.aborted) return
        log.warn(`power_${kind}_failed`, { reason: reasonOf(error) })
        const certain = !(error instanceof ProviderError && error.kind === 'timeout')
        this.take(callFailed(this.power, kind, reasonOf(error), certain, Date.now(), times))
      })
      .finally(() => {
        this.call = undefined
        this.checkBy(0)
      })
  }

  private hear(message: HubMessage): void {
    const now = Date.now()
    switch (message.type) {
      case 'gpu.job.submit':
        if (!gpuTaskTypes.includes(message.task_type)) return
        this.power = jobNoticed(this.power, now)
        this.checkBy(0)
        return
      case 'gpu.power.boot':
        this.power = bootAsked(this.power, now)
        if (message.request_id !== undefined) this.rememberBoot(message.request_id)
        this.checkBy(0)
        return
      case 'gpu.task.active':
        this.power = taskActive(this.power, now)
        return
      case 'gpu.status.query':
        this.answerQuery(message.request_id, {})
        if (this.queries.length < rememberedRequests) this.queries.push(message.request_id)
        // Clients ask in a row; the provider is not asked each time.
        this.checkBy(this.checkedAt + this.parts.times.watchMs)
        return
      default:
    }
  }

  private rememberBoot(id: string): void {
    const oldest = this.boots.keys().next()
    if (this.boots.size >= rememberedRequests && oldest.done !== true) this.boots.delete(oldest.value)
    this.boots.set(id, undefined)
  }

  /** Everybody who asked by name gets an answer, also when the machine was on or had failed before. */
  private tellBoots(): void {
    const { status, error, call } = this.power
    if (!this.line.isUp()) return
    if (status === 'running') {
      for (const id of this.boots.keys()) this.tellOnline(id)
      this.boots.clear()
    }
    if (!error || call) return
    for (const [id, told] of this.boots) {
      if (told !== error) this.tellFailed(id, error)
      if (error.willRetry) this.boots.set(id, error)
      else this.boots.delete(id)
    }
  }

  private tellOnline(id: string | undefined): void {
    this.line.send({ type: 'gpu.power.online', status: 'running', msg: 'the GPU service answers', source, ts: Date.now() / 1000, ...withId(id) })
  }

  private tellFailed(id: string | undefined, { code, msg, willRetry }: PowerFailure): void {
    const status = code === 'provider_failed' || code === 'start_refused' ? 'error' : 'failed'
    this.line.send({ type: 'gpu.power.boot.result', success: false, status, msg, error_code: code, will_retry: willRetry, ...withId(id) })
  }

  private tellState(): void {
    const { status, since, error } = this.power
    this.line.send({
      ...{ type: 'gpu.power.state', status, since: since / 1000, usual_wake_ms: this.parts.wakes.usualMs() },
      ...(error && { error: { code: error.code, msg: error.msg, will_retry: error.willRetry } }),
    })
  }

  private answerQuery(id: string | undefined, more: { readonly fresh?: boolean }): void {
    this.line.send({ type: 'gpu.status.response', status: this.power.status, source, ...withId(id), ...more })
  }

  private checkBy(at: number): void {
    if (at >= this.dueAt) return
    this.dueAt = at
    this.wake()
  }

  private async untilDue(): Promise<void> {
    while (!this.signal.aborted && Date.now() < this.dueAt) {
      const wait = this.dueAt - Date.now()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait)
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

function withId(id: string | undefined): { readonly request_id?: string } {
  return id === undefined ? {} : { request_id: id }
}
