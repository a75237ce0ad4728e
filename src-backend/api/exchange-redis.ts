// The exchange of many processes: Redis. News go over one channel; `dsp:gpu_monitor_notify` holds notices until a process
// with a monitor takes them; members of `dsp:workers` and `dsp:gpu_monitors` begin with the id of their process, which
// shows by a key that expires that it lives.
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { HubMessageOut } from '../../src-shared/hub-contract'
import { powerErrorCodes, powerStatusSchema } from '../../src-shared/power-contract'
import { reasonOf, type Log } from '../log'
import { noticeLifeMs, noticesKept, type Exchange, type KeptPower, type News, type Presence, type PresentRole } from './exchange'
import type { Redis } from './redis'

const channel = 'dsp:news'
const noticesKey = 'dsp:gpu_monitor_notify'
const powerKey = 'dsp:gpu_power'
const roleKeys: Record<PresentRole, string> = { workers: 'dsp:workers', monitors: 'dsp:gpu_monitors' }
const roles = Object.keys(roleKeys) as PresentRole[]

const powerSchema = z.object({
  status: powerStatusSchema,
  since: z.number(),
  usualWakeMs: z.number().nullable(),
  error: z.object({ code: z.enum(powerErrorCodes), msg: z.string(), will_retry: z.boolean() }).optional(),
})

export interface ExchangeTimes {
  /** Between two signs of life; a process that gave none for three of them is dead. */
  readonly beatMs: number
}
export const exchangeTimes: ExchangeTimes = { beatMs: 5000 }

export class RedisExchange implements Exchange {
  private readonly processId = randomUUID()
  private readonly present: Record<PresentRole, Set<string>> = { workers: new Set(), monitors: new Set() }
  private beating: NodeJS.Timeout | undefined
  private closed = false

  private constructor(
    private readonly redis: Redis,
    private readonly log: Log,
    private readonly times: ExchangeTimes,
  ) {}

  static async open(redis: Redis, log: Log, times: ExchangeTimes = exchangeTimes): Promise<RedisExchange> {
    const exchange = new RedisExchange(redis, log, times)
    await exchange.beat()
    return exchange
  }

  connectionId(): string {
    return `${this.processId}:${randomUUID()}`
  }

  async publish(news: News): Promise<void> {
    await this.redis.run((client) => client.publish(channel, JSON.stringify(news)))
  }

  /** Everything on the channel comes from processes of this program. */
  listen(listener: (news: News) => void): void {
    this.redis.listen(channel, (text) => {
      if (this.closed) return
      try {
        listener(JSON.parse(text) as News)
      } catch (error) {
        this.log.warn('news_unreadable', { reason: reasonOf(error) })
      }
    })
  }

  async join(role: PresentRole, id: string): Promise<void> {
    this.present[role].add(id)
    await this.redis.run((client) => client.sAdd(roleKeys[role], id))
  }

  async leave(role: PresentRole, id: string): Promise<void> {
    this.present[role].delete(id)
    await this.redis.run((client) => client.sRem(roleKeys[role], id))
  }

  async presence(): Promise<Presence> {
    const [workers, monitors, power] = await this.redis.run((client) =>
      Promise.all([client.sCard(roleKeys.workers), client.sCard(roleKeys.monitors), client.get(powerKey)]),
    )
    return { workers, monitors, power: power === null ? undefined : powerSchema.safeParse(JSON.parse(power)).data }
  }

  async keepPower(power: KeptPower): Promise<void> {
    await this.redis.run((client) => client.set(powerKey, JSON.stringify(power)))
  }

  async notice(message: HubMessageOut): Promise<void> {
    const noticed: News = { type: 'noticed' }
    await this.redis.run((client) =>
      client
        .multi()
        .rPush(noticesKey, JSON.stringify({ ...message, noticed_at: Date.now() }))
        .lTrim(noticesKey, -noticesKept, -1)
        .pExpire(noticesKey, noticeLifeMs)
        .publish(channel, JSON.stringify(noticed))
        .exec(),
    )
  }

  async takeNotices(): Promise<readonly HubMessageOut[]> {
    const [texts] = await this.redis.run((client) => client.multi().lRange(noticesKey, 0, -1).del(noticesKey).exec())
    // The list lives on with every new one: what is too old in it is left out (quirk 14).
    return z
      .array(z.string())
      .parse(texts)
      .map((text) => JSON.parse(text) as HubMessageOut & { readonly noticed_at?: number })
      .filter(({ noticed_at = 0 }) => noticed_at > Date.now() - noticeLifeMs)
      .map(({ noticed_at: _, ...message }) => message)
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.beating)
    for (const role of roles) this.present[role].clear()
    await this.clearDead().catch(() => undefined)
    await this.redis.run((client) => client.del(lifeKey(this.processId))).catch(() => undefined)
  }

  /** Says that this process lives, and sees to it that what the sets say is true, whatever happened to Redis or others. */
  private async beat(): Promise<void> {
    try {
      await this.redis.run((client) => client.set(lifeKey(this.processId), '1', { expiration: { type: 'PX', value: this.times.beatMs * 3 } }))
      await this.clearDead()
      for (const role of roles) {
        const mine = [...this.present[role]]
        if (mine.length > 0) await this.redis.run((client) => client.sAdd(roleKeys[role], mine))
      }
    } catch (error) {
      this.log.warn('no_sign_of_life', { reason: reasonOf(error) })
    }
    if (!this.closed) this.beating = setTimeout(() => void this.beat(), this.times.beatMs)
  }

  private async clearDead(): Promise<void> {
    for (const role of roles) {
      const members = await this.redis.run((client) => client.sMembers(roleKeys[role]))
      const dead: string[] = []
      for (const member of members) {
        const owner = member.split(':', 1)[0] ?? ''
        const gone =
          owner === this.processId
            ? !this.present[role].has(member)
            : (await this.redis.run((client) => client.exists(lifeKey(owner)))) === 0
        if (gone) dead.push(member)
      }
      if (dead.length > 0) await this.redis.run((client) => client.sRem(roleKeys[role], dead))
    }
  }
}

function lifeKey(processId: string): string {
  return `dsp:process:${processId}`
}
