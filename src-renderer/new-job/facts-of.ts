// What is worth knowing of a picked file, in the order people look for it.
import type { PickedFile } from '../../src-shared/bridge-contract'
import { codecName, type Format } from '../../src-shared/words/format'
import type { Words } from '../../src-shared/words/zh-CN'

export function factsOf(file: PickedFile, format: Format, words: Words): readonly string[] {
  const facts: string[] = []
  const { media } = file
  if (media?.durationSec != null) facts.push(format.clock(media.durationSec))
  if (file.role === 'video' && media?.video) {
    const { width, height, fps, codec } = media.video
    facts.push(`${width}×${height}`)
    if (fps !== null) facts.push(format.frameRate(fps))
    facts.push(codecName(codec))
  }
  if (file.role === 'audio' && media?.audio) {
    const { codec, sampleRateHz, channels } = media.audio
    facts.push(codecName(codec), format.sampleRate(sampleRateHz))
    facts.push(channels === 1 ? words.newJob.tracks.mono : channels === 2 ? words.newJob.tracks.stereo : words.newJob.tracks.channels(channels))
  }
  facts.push(format.bytes(file.sizeBytes))
  return facts
}
