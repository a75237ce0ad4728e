// What two slots come to: why a job cannot start yet, or what its result will be. Pure.
import type { Format } from '../../src-shared/words/format'
import type { Words } from '../../src-shared/words/zh-CN'
import type { NewJob } from './use-new-job'

type Slots = NewJob['slots']
export type Hindrance = Exclude<keyof Words['newJob']['why'], 'starting'>

/** Under this the difference of the two lengths is not worth a word. */
const sameLengthSec = 0.5

export function hindrance({ video, audio }: Slots): Hindrance | null {
  if (video.kind === 'reading' || audio.kind === 'reading') return 'reading'
  if (video.kind === 'ready' && video.file.verdict.kind === 'cannot') return 'videoUnfit'
  if (audio.kind === 'ready' && audio.file.verdict.kind === 'cannot') return 'audioUnfit'
  if (video.kind === 'empty' && audio.kind === 'empty') return 'both'
  if (video.kind === 'empty') return 'video'
  if (audio.kind === 'empty') return 'audio'
  return null
}

export function foretell({ video, audio }: Slots, words: Words, format: Format): string {
  const { summary } = words.newJob
  const voiceSec = audio.kind === 'ready' ? audio.file.media?.durationSec : null
  const videoSec = video.kind === 'ready' ? video.file.media?.durationSec : null
  if (voiceSec == null) return summary.unknown
  const length = format.span(voiceSec)
  if (videoSec == null || Math.abs(videoSec - voiceSec) < sameLengthSec) return summary.exact(length)
  return videoSec < voiceSec ? summary.looped(length, format.span(videoSec)) : summary.cut(length, format.span(videoSec - voiceSec))
}
