// What the API's processes tell one another: who is connected where, what the power monitor last said, and news that
// another process's connections wait for. A port: one process alone needs no service for it. All of it can be lost
// without a task being lost: what must not be is in the store.
import type { HubMessageOut } from '../../src-shared/hub-contract'
import type { PowerError, PowerStatus } from '../../src-shared/power-contract'

/** As the power monitor last said. `since` in epoch seconds. */
export interface KeptPower {
  readonly status: PowerStatus
  readonly since: number
  readonly usualWakeMs: number | null
  readonly error?: PowerError | undefined
}

export interface Presence {
  /** Workers that can render, and power monitors, of all processes. */
  readonly workers: number
  readonly monitors: number
  readonly power: KeptPower | undefined
}

export type News =
  /** A task waits. */
  | { readonly type: 'taskWaits' }
  /** A task was taken away from the worker that had it. */
  | { readonly type: 'revoked'; readonly taskId: string; readonly lease: string; readonly reason: 'cancelled' | 'lease_lost' }
  | { readonly type: 'inputsCame'; readonly hashes: readonly string[] }
  /** For the power monitor: `takeNotices`. */
  | { readonly type: 'noticed' }
  /** For clients: of one license, of one connection, or for all. */
  | { readonly type: 'said'; readonly to: { readonly owner: string } | { readonly peer: string } | 'all'; readonly messages: readonly HubMessageOut[] }

export type PresentRole = 'workers' | 'monitors'

export interface Exchange {
  /** Told to every process's listener, this one's too. Rejects where it cannot be told. */
  publish(news: News): Promise<void>
  /** One listener; called after `publish` of whatever process. */
  listen(listener: (news: News) => void): void

  /** For a new connection; never the same twice, in no process (quirk 39). */
  connectionId(): string

  /** `id` is a connection's. */
  join(role: PresentRole, id: string): Promise<void>
  leave(role: PresentRole, id: string): Promise<void>
  presence(): Promise<Presence>
  keepPower(power: KeptPower): Promise<void>

  /** Leaves a message for the power monitor, wherever it is connected; it is forgotten after `noticeLifeMs`. */
  notice(message: HubMessageOut): Promise<void>
  /** For the process that has the monitor: each notice is taken once. */
  takeNotices(): Promise<readonly HubMessageOut[]>

  close(): Promise<void>
}

export const noticeLifeMs = 60_000
/** More would only say the same again: demand is asked for from the queue. */
export const noticesKept = 100
