// Asks the GPU service how it is: the only proof that a machine with power can be used (contract.md §1, quirk 19).
import { healthReplySchema } from '../../src-shared/gpu-contract'
import { limited } from './provider'

export interface ServiceHealth {
  readonly ready: boolean
  /** It has tasks, wherever they came from. */
  readonly busy: boolean
}

const silent: ServiceHealth = { ready: false, busy: false }

/** Whatever is no good answer in time is none. */
export async function askHealth(url: string, limitMs: number, signal: AbortSignal): Promise<ServiceHealth> {
  try {
    return await limited(limitMs, signal, async (within) => {
      const response = await fetch(url, { signal: within })
      const reply = healthReplySchema.safeParse(await response.json())
      if (!response.ok || !reply.success) return silent
      const { initialized, queue } = reply.data
      return { ready: initialized, busy: queue !== undefined && queue.processing + queue.queued > 0 }
    })
  } catch {
    return silent
  }
}
