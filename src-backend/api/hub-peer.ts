// What the hub is made of, and what a connection of it is to the roles it can have.
import type { HubMessage } from '../../src-shared/hub-contract'
import type { Log } from '../log'
import type { Exchange } from './exchange'
import type { Licenses } from './licenses'
import type { Line, PowerDesk } from './power-desk'
import type { TaskQueue } from './task-queue'

export interface HubTimes {
  /** Between two pings; a peer that was silent since the last one is dropped. */
  readonly pingMs: number
  /** A worker that has not taken a task in this time is dropped, and its tasks go elsewhere. */
  readonly acceptMs: number
}

export const hubTimes: HubTimes = { pingMs: 20_000, acceptMs: 15_000 }

export interface HubParts {
  readonly queue: TaskQueue
  readonly exchange: Exchange
  readonly power: PowerDesk
  readonly licenses: Licenses
  readonly log: Log
  readonly workerSecret: string
  /** Undefined: no monitor can register. */
  readonly monitorSecret: string | undefined
  readonly times: HubTimes
}

export interface PeerLine extends Line {
  refuse(reason: string, more?: { readonly request_id?: string; readonly task_type?: string; readonly reason?: string }): void
  become(role: PeerRole): void
  terminate(): void
}

export interface PeerRole {
  readonly name: 'visitor' | 'worker' | 'gpu_monitor' | 'client'
  /** Of a client: whose tasks it hears of. */
  readonly owner?: string
  take(message: HubMessage): Promise<boolean>
  /** The connection has ended. */
  leave(): Promise<void>
}
