// The workers connected to this process: what each holds, what each could take, and what it should not be offered for
// now. Only memory of this process: who has a task for good is in the store.
import type { JobSubmit } from '../../src-shared/hub-contract'
import type { ApiTask } from './task'
import { jobOf } from './task-words'

/** A worker as the queue sees it. */
export interface QueueWorker {
  /** Of this connection; never used twice. */
  readonly id: string
  readonly slots: number
  send(job: JobSubmit): void
  cancel(taskId: string, reason: 'cancelled' | 'lease_lost'): void
}

interface Seat {
  readonly worker: QueueWorker
  readonly held: Map<string, { readonly lease: string; readonly inputs: ApiTask['inputs'] }>
  readonly avoided: Map<string, { readonly until: number; readonly hashes: readonly string[] }>
}

/** A worker that lost a task's lease is given others first. */
const avoidLostMs = 60_000

export class WorkerBoard {
  private readonly seats = new Map<string, Seat>()

  constructor(private readonly now: () => number) {}

  join(worker: QueueWorker): void {
    this.seats.set(worker.id, { worker, held: new Map(), avoided: new Map() })
  }

  /** Answers what it held. */
  leave(workerId: string): readonly string[] {
    const held = [...(this.seats.get(workerId)?.held.keys() ?? [])]
    this.seats.delete(workerId)
    return held
  }

  clear(): void {
    this.seats.clear()
  }

  hold(workerId: string, { id, inputs }: ApiTask, lease: string): void {
    this.seats.get(workerId)?.held.set(id, { lease, inputs })
  }

  /** Without a lease: under whatever lease it had it. */
  drop(workerId: string, taskId: string, lease: string | undefined): void {
    const held = this.seats.get(workerId)?.held
    if (lease === undefined || held?.get(taskId)?.lease === lease) held?.delete(taskId)
  }

  held(): readonly { readonly workerId: string; readonly taskId: string; readonly lease: string }[] {
    return [...this.seats.values()].flatMap(({ worker, held }) =>
      [...held].map(([taskId, { lease }]) => ({ workerId: worker.id, taskId, lease })),
    )
  }

  /** How many waiting tasks to look at: as many as fit, and those that may have to be passed over. */
  wanted(): number {
    this.forgetPast()
    const seats = [...this.seats.values()]
    const free = seats.reduce((sum, seat) => sum + freeOf(seat), 0)
    if (free === 0) return 0
    return free + new Set(seats.flatMap((seat) => [...seat.avoided.keys()])).size
  }

  /** The worker with the most room. */
  choose(taskId: string): QueueWorker | undefined {
    let best: Seat | undefined
    for (const seat of this.seats.values()) {
      if (freeOf(seat) > 0 && !seat.avoided.has(taskId) && freeOf(seat) > (best ? freeOf(best) : 0)) best = seat
    }
    return best?.worker
  }

  /** False when the worker has gone meanwhile. */
  give(worker: QueueWorker, task: ApiTask, lease: string, leaseMs: number): boolean {
    if (!this.seats.has(worker.id)) return false
    this.hold(worker.id, task, lease)
    worker.send({ ...jobOf(task), lease, lease_ms: leaseMs })
    return true
  }

  /** Whoever here has the task under this lease is told to stop; under another one it is another's by now. */
  revoke(taskId: string, lease: string, reason: 'cancelled' | 'lease_lost'): void {
    for (const { worker, held, avoided } of this.seats.values()) {
      if (held.get(taskId)?.lease !== lease) continue
      held.delete(taskId)
      if (reason === 'lease_lost') avoided.set(taskId, { until: this.now() + avoidLostMs, hashes: [] })
      worker.cancel(taskId, reason)
    }
  }

  /** It lacks files of a task that it holds: for a while it is not offered that one again. */
  lack(workerId: string, taskId: string, until: number): void {
    const seat = this.seats.get(workerId)
    const inputs = seat?.held.get(taskId)?.inputs
    if (inputs) seat?.avoided.set(taskId, { until, hashes: [inputs.audioHash, inputs.videoHash] })
  }

  forgetLacking(hashes: readonly string[]): void {
    for (const { avoided } of this.seats.values()) {
      for (const [taskId, lacked] of avoided) if (lacked.hashes.some((hash) => hashes.includes(hash))) avoided.delete(taskId)
    }
  }

  private forgetPast(): void {
    const now = this.now()
    for (const { avoided } of this.seats.values()) {
      for (const [taskId, { until }] of avoided) if (until <= now) avoided.delete(taskId)
    }
  }
}

function freeOf({ worker, held }: Seat): number {
  return Math.max(0, worker.slots - held.size)
}
