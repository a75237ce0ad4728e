// The exchange of one process: it has nobody to tell but itself.
import { randomUUID } from 'node:crypto'
import type { HubMessageOut } from '../../src-shared/hub-contract'
import { noticeLifeMs, noticesKept, type Exchange, type KeptPower, type News, type Presence, type PresentRole } from './exchange'

export class MemoryExchange implements Exchange {
  private listener: (news: News) => void = () => undefined
  private readonly present: Record<PresentRole, Set<string>> = { workers: new Set(), monitors: new Set() }
  private power: KeptPower | undefined
  private notices: { readonly message: HubMessageOut; readonly until: number }[] = []

  constructor(private readonly now: () => number) {}

  connectionId(): string {
    return randomUUID()
  }

  publish(news: News): Promise<void> {
    // Later, as it would come over a line: nobody hears of their own doing in the middle of it.
    setImmediate(() => {
      this.listener(news)
    })
    return Promise.resolve()
  }

  listen(listener: (news: News) => void): void {
    this.listener = listener
  }

  join(role: PresentRole, id: string): Promise<void> {
    this.present[role].add(id)
    return Promise.resolve()
  }

  leave(role: PresentRole, id: string): Promise<void> {
    this.present[role].delete(id)
    return Promise.resolve()
  }

  presence(): Promise<Presence> {
    return Promise.resolve({ workers: this.present.workers.size, monitors: this.present.monitors.size, power: this.power })
  }

  keepPower(power: KeptPower): Promise<void> {
    this.power = power
    return Promise.resolve()
  }

  notice(message: HubMessageOut): Promise<void> {
    this.notices = [...this.notices, { message, until: this.now() + noticeLifeMs }].slice(-noticesKept)
    return this.publish({ type: 'noticed' })
  }

  takeNotices(): Promise<readonly HubMessageOut[]> {
    const taken = this.notices.filter((notice) => notice.until > this.now())
    this.notices = []
    return Promise.resolve(taken.map((notice) => notice.message))
  }

  close(): Promise<void> {
    this.listener = () => undefined
    return Promise.resolve()
  }
}
