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
  /** Changes when a bar begins anew, so that it starts from nothing instead of running back. */
  readonly bar: string
}

export function happeningOf(state: JobStateView, words: Words): Happening {
  const plain = (uncounted: boolean): Happening => ({ stage: words.states[state.kind], progress: null, uncounted, bar: state.kind })
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
    case 'uploading': {
      const stage = state.file === 'video' ? words.queue.uploadingVideo : words.queue.uploadingAudio
      const { progress, awaitingReply } = state
      return { stage: awaitingReply ? words.queue.awaitingReply : stage, progress, uncounted: awaitingReply, bar: `uploading-${state.file}` }
    }
    case 'hashing':
    case 'rendering':
    case 'downloading':
      return { stage: words.states[state.kind], progress: state.progress, uncounted: false, bar: state.kind }
    default:
      return assertNever(state)
  }
}

export interface Figures {
  readonly percent: string
  readonly amount: string
  readonly timeLeft: string
}

/** Empty where there is nothing to say; the row keeps the room. */
export function figuresOf({ progress, uncounted }: Happening, format: Format): Figures {
  if (!progress) return { percent: '', amount: '', timeLeft: '' }
  const moving = uncounted ? [] : [format.rate(progress)]
  return {
    percent: format.percent(progress.done, progress.total),
    amount: [format.amount(progress), ...moving].filter((part) => part !== null).join(' · '),
    timeLeft: uncounted ? '' : (format.timeLeft(progress) ?? ''),
  }
}
