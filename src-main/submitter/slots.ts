// A counted number of places for one kind of work, in order of asking.
import { Stopped } from './retry'

export interface Slots {
  /** Waits for a place; answers the function that gives it back (once, later calls do nothing). */
  readonly take: (signal: AbortSignal) => Promise<() => void>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []
  const giveBack = (): void => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }
  return {
    async take(signal) {
      if (signal.aborted) throw new Stopped()
      if (free > 0) free--
      else {
        await new Promise<void>((resolve, reject) => {
          const mine = (): void => {
            signal.removeEventListener('abort', leave)
            resolve()
          }
          const leave = (): void => {
            waiting.splice(waiting.indexOf(mine), 1)
            reject(new Stopped())
          }
          waiting.push(mine)
          signal.addEventListener('abort', leave, { once: true })
        })
      }
      let held = true
      return () => {
        if (held) giveBack()
        held = false
      }
    },
  }
}
