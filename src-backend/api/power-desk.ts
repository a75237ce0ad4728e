// What is known of the GPU machine's power, and the way to who can change it: the power monitor, wherever it is
// connected. Requests carry their way back in their id, since clients choose the same ones.
import { randomUUID } from 'node:crypto'
import type { PowerReply } from '../../src-shared/api-contract'
import type { HubMessage, HubMessageOut } from '../../src-shared/hub-contract'
import type { PowerStatus } from '../../src-shared/power-contract'
import { reasonOf, type Log } from '../log'
import type { Exchange, KeptPower, News, Presence } from './exchange'

/** One connection, as far as it can be answered. */
export interface Line {
  /** Of this connection; never used again, in no process (quirk 39). */
  readonly id: string
  send(message: HubMessageOut): void
}

type FromMonitor = Extract<
  HubMessage,
  { type: 'gpu.power.state' | 'gpu.power.booted' | 'gpu.power.online' | 'gpu.power.boot.result' | 'gpu.status.response' }
>

export interface PowerDeskParts {
  readonly exchange: Exchange
  readonly log: Log
  readonly now: () => number
}

export class PowerDesk {
  constructor(private readonly parts: PowerDeskParts) {}

  presence(): Promise<Presence> {
    return this.parts.exchange.presence()
  }

  /** For the status of a task. */
  reply(presence: Presence): PowerReply {
    const { power, monitors } = presence
    return {
      state: knownStatus(presence),
      since: power?.since ?? 0,
      usual_wake_ms: power?.usualWakeMs ?? null,
      monitored: monitors > 0,
      ...(power?.error !== undefined && { error: power.error.msg || power.error.code }),
    }
  }

  /** Answered at once with what is known, also when no monitor is there (quirk 21); what a monitor finds out follows. */
  async query(line: Line, requestId: string | undefined): Promise<void> {
    const presence = await this.presence()
    line.send(statusResponse(knownStatus(presence), requestId, false))
    if (presence.monitors === 0) return
    await this.parts.exchange.notice({ type: 'gpu.status.query', source: 'client', request_id: wayBack(line.id, requestId) })
  }

  /** To the monitor; without one nobody could, and that is said at once (quirk 23). */
  async boot(line: Line, requestId: string | undefined, msg: string | undefined): Promise<void> {
    const { monitors } = await this.presence()
    if (monitors > 0) {
      await this.parts.exchange.notice({ type: 'gpu.power.boot', source: 'client', request_id: wayBack(line.id, requestId), msg: msg ?? '' })
      return
    }
    this.parts.log.warn('boot_without_monitor')
    line.send({
      type: 'gpu.power.boot.result',
      ...(requestId !== undefined && { request_id: requestId }),
      success: false,
      status: 'no_monitor',
      msg: 'no power monitor is connected: nobody can power the GPU machine on',
    })
  }

  async heardFromMonitor(message: FromMonitor): Promise<void> {
    switch (message.type) {
      case 'gpu.power.state': {
        const { status, since, usual_wake_ms, error } = message
        await this.parts.exchange.keepPower({ status, since, usualWakeMs: usual_wake_ms, ...(error && { error }) })
        await this.say('all', [message])
        return
      }
      case 'gpu.power.booted':
        await this.say('all', [message])
        return
      case 'gpu.power.online':
        await this.sayOnline('gpu_monitor')
        return
      case 'gpu.power.boot.result':
      case 'gpu.status.response': {
        const back = parseWayBack(message.request_id)
        const { request_id: _, ...rest } = message.type === 'gpu.status.response' ? statusResponse(message.status, '', message.fresh ?? false) : message
        if (!back) await this.say('all', [rest])
        else await this.say({ peer: back.peer }, [back.requestId === '' ? rest : { ...rest, request_id: back.requestId }])
        return
      }
    }
  }

  /** The GPU's service answers: told under both names, the older one first (quirk 41). */
  async sayOnline(from: 'worker' | 'gpu_monitor'): Promise<void> {
    const msg = 'the GPU is online'
    await this.say('all', [
      { type: 'gpu_online', msg },
      {
        ...{ type: 'gpu.power.online', version: '1.0', source: 'gpu', target: 'client', msg, status: 'running' },
        ts: Math.floor(this.parts.now() / 1000),
        request_id: randomUUID(),
        trace_id: randomUUID(),
        data: { status: 'online', msg, from },
      },
    ])
  }

  private async say(to: Extract<News, { type: 'said' }>['to'], messages: readonly HubMessageOut[]): Promise<void> {
    try {
      await this.parts.exchange.publish({ type: 'said', to, messages })
    } catch (error) {
      this.parts.log.warn('news_not_told', { news: 'said', reason: reasonOf(error) })
    }
  }
}

/** What a monitor said counts while there is one; without it a worker shows that the machine runs. */
function knownStatus({ workers, monitors, power }: Presence): PowerStatus {
  if (monitors > 0 && power) return power.status
  if (workers > 0) return 'running'
  return lastsWithoutMonitor(power) ? 'stopped' : 'unknown'
}

/** Nobody is there to have started it since; every other state changes by itself. */
function lastsWithoutMonitor(power: KeptPower | undefined): boolean {
  return power?.status === 'stopped'
}

function statusResponse(status: PowerStatus, requestId: string | undefined, fresh: boolean): Extract<HubMessageOut, { type: 'gpu.status.response' }> {
  return { type: 'gpu.status.response', status, State: status, ...(requestId !== undefined && { request_id: requestId }), fresh }
}

function wayBack(peer: string, requestId: string | undefined): string {
  return `${peer}|${requestId ?? ''}`
}

function parseWayBack(text: string | undefined): { readonly peer: string; readonly requestId: string } | undefined {
  const at = text?.indexOf('|') ?? -1
  return text === undefined || at < 0 ? undefined : { peer: text.slice(0, at), requestId: text.slice(at + 1) }
}
