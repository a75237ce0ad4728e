// What a job does at this moment, as a row shows it: words, a share, figures. Pure.
import type { JobStateView } from '../../src-shared/bridge-contract'
import { assertNever } from '../../src-shared/errors'
import type { Progress } from '../../src-shared/job'
import type { Format } from '../../src-shared/words/format'
import type { Words } from '../../src-shared/words/zh-CN'

export interface Happening {
  readonly stage: string
  readonly progress: Progress | null
  /** Something goes on that nobody can count. */
  readonly uncounted: boolean
  /** Waiting for the GPU machine: time so far against the usual time. */
  readonly wait: { readonly elapsedSec: number; readonly usualSec: number } | null
  /** A whole sentence about what happens next, where the stage's word is not enough. */
  readonly note: { readonly text: string; readonly trouble: boolean } | null
  /** Changes when a bar begins anew, so that it starts from nothing instead of running back. */
  readonly bar: string
}

/** Until the first wake was seen, and nobody says better. */
const usualWakeMs = 120_000

export function happeningOf(state: JobStateView, words: Words, nowMs: number): Happening {
  const plain = (uncounted: boolean): Happening => ({ stage: words.states[state.kind], progress: null, uncounted, wait: null, note: null, bar: state.kind })
  switch (state.kind) {
    case 'queued':
    case 'done':
    case 'failed':
    case 'cancelled':
      return plain(false)
    case 'submitting':
    case 'cancelling':
      return plain(true)
    case 'waiting':
      return { ...plain(false), stage: state.position === null ? words.states.waiting : words.queue.position(state.position) }
    case 'waking':
      return {
        ...plain(false),
        wait: { elapsedSec: Math.max(0, nowMs - state.sinceMs) / 1000, usualSec: (state.usualMs ?? usualWakeMs) / 1000 },
        note: wakingNote(state, words),
      }
    case 'uploading': {
      const stage = state.file === 'video' ? words.queue.uploadingVideo : words.queue.uploadingAudio
      const { progress, awaitingReply } = state
      return { ...plain(false), stage: awaitingReply ? words.queue.awaitingReply : stage, progress, uncounted: awaitingReply, bar: `uploading-${state.file}` }
    }
    case 'hashing':
    case 'rendering':
    case 'downloading':
      return { ...plain(false), progress: state.progress }
    default:
      return assertNever(state)
  }
}

function wakingNote({ trouble, power, inputsStored }: Extract<JobStateView, { kind: 'waking' }>, words: Words): Happening['note'] {
  if (trouble !== null) return { text: trouble === 'nobody' ? words.queue.wakingNobody : words.queue.wakingFailed, trouble: true }
  if (power === 'stopping') return { text: words.queue.wakingStopping, trouble: false }
  return { text: inputsStored ? words.queue.wakingStored : words.queue.wakingNotStored, trouble: false }
}

/** How far the bar is filled, 0 to 1; null for no bar. A wait is never shown as over before it is. */
export function shareOf({ progress, wait }: Happening): number | null {
  if (wait) return Math.min(0.95, wait.elapsedSec / wait.usualSec)
  return progress ? progress.done / progress.total : null
}

export interface Figures {
  readonly percent: string
  readonly amount: string
  readonly timeLeft: string
}

/** Empty where there is nothing to say; the row keeps the room. */
export function figuresOf({ progress, uncounted, wait }: Happening, format: Format, words: Words): Figures {
  if (wait) return { percent: '', amount: words.queue.waited(format.clock(wait.elapsedSec), format.span(wait.usualSec)), timeLeft: '' }
  if (!progress) return { percent: '', amount: '', timeLeft: '' }
  const moving = uncounted ? [] : [format.rate(progress)]
  return {
    percent: format.percent(progress.done, progress.total),
    amount: [format.amount(progress), ...moving].filter((part) => part !== null).join(' · '),
    timeLeft: uncounted ? '' : (format.timeLeft(progress) ?? ''),
  }
}
