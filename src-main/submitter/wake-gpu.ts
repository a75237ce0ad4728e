// What is said and done while the GPU machine is off: the state *waking*, true to what the API and the hub say of the
// machine, and looks that come sooner when the hub hints at news. Nobody there to power it on is said after a minute.
import type { PowerReply } from '../../src-shared/api-contract'
import { DeskError } from '../../src-shared/errors'
import type { JobEvent, WakeTrouble } from '../../src-shared/job'
import type { PowerStatus } from '../../src-shared/power-contract'
import { pause, Stopped } from './retry'

/** The last thing heard about the machine's power; `trouble` as the hub's messages tell it. */
export interface PowerNews {
  readonly power: PowerStatus
  readonly trouble: WakeTrouble | null
}

/** A listening on the hub: hints only, what counts goes over HTTP. */
export interface PowerWatch {
  readonly latest: () => PowerNews | null
  /** Calls back on every piece of news; returns the function that stops it. */
  readonly onNews: (listener: () => void) => () => void
  readonly close: () => void
}

export interface WakeTimes {
  /** Between two looks while the machine is off. */
  readonly lookMs: number
  /** No sign of a power monitor for this long: nobody is there who could power it on. */
  readonly nobodyMs: number
}

export const wakeTimes: WakeTimes = { lookMs: 3_000, nobodyMs: 60_000 }

type WakeProgressed = Extract<JobEvent, { type: 'wakeProgressed' }>

export interface Wake {
  /** The machine is off: what to report. `power` is what our API says of it, undefined on others. */
  readonly off: (power: PowerReply | undefined, inputsStored: boolean) => WakeProgressed
  /** Waits until the next look is due, or a hint says that it is worth looking. */
  readonly nap: (signal: AbortSignal) => Promise<void>
  /** The machine answers: how long it took, null when it was not waited for. Stops listening. */
  readonly up: () => number | null
  readonly close: () => void
}

export function createWake(watch: () => PowerWatch, usualWakeMs: () => number | null, times: WakeTimes = wakeTimes, now: () => number = Date.now): Wake {
  let waiting: { readonly sinceMs: number; readonly watch: PowerWatch } | null = null
  const close = (): void => {
    waiting?.watch.close()
    waiting = null
  }
  return {
    off(power, inputsStored) {
      waiting ??= { sinceMs: now(), watch: watch() }
      const heard = waiting.watch.latest()
      const waitedLong = now() - waiting.sinceMs >= times.nobodyMs
      return {
        type: 'wakeProgressed',
        power: power?.state ?? heard?.power ?? 'unknown',
        usualMs: power?.usual_wake_ms ?? usualWakeMs(),
        trouble: troubleOf(power, heard, waitedLong),
        inputsStored,
      }
    },
    async nap(signal) {
      const until = new AbortController()
      const wakeUp = (): void => until.abort()
      const stopListening = waiting?.watch.onNews(wakeUp)
      try {
        await pause(times.lookMs, AbortSignal.any([signal, until.signal]))
      } catch {
        if (signal.aborted) throw new Stopped()
      } finally {
        stopListening?.()
      }
    },
    up() {
      const tookMs = waiting === null ? null : now() - waiting.sinceMs
      close()
      return tookMs
    },
    close,
  }
}

function troubleOf(power: PowerReply | undefined, heard: PowerNews | null, waitedLong: boolean): WakeTrouble | null {
  if (power?.error !== undefined || heard?.trouble === 'boot_failed') return 'boot_failed'
  const somebody = power === undefined ? heard !== null && heard.trouble !== 'nobody' : power.monitored
  return !somebody && waitedLong ? 'nobody' : null
}

/** Where nobody waits for ever, a machine that will not come up ends the run with gpu_off or gpu_boot_failed. */
export function throwIfHopeless({ trouble }: WakeProgressed, waitForever: boolean): void {
  if (trouble !== null && !waitForever) throw new DeskError(trouble === 'nobody' ? 'gpu_off' : 'gpu_boot_failed', { server: 'gpu' })
}
