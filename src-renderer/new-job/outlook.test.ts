import { describe, expect, it } from 'vitest'
import type { FileRole, FileVerdict, PickedFile } from '../../src-shared/bridge-contract'
import { createFormat } from '../../src-shared/words/format'
import { zhCN } from '../../src-shared/words/zh-CN'
import { foretell, hindrance } from './outlook'
import type { Slot } from './use-new-job'

const empty: Slot = { kind: 'empty' }
const holding = (role: FileRole, durationSec: number | null, verdict: FileVerdict = { kind: 'fine' }): Slot => {
  const file: PickedFile = {
    token: role,
    role,
    name: role,
    sizeBytes: 1,
    media: durationSec === null ? null : { container: 'mp4', durationSec, video: null, audio: null },
    verdict,
    mediaUrl: null,
  }
  return { kind: 'ready', file }
}
const cannot: FileVerdict = { kind: 'cannot', error: { code: 'file_not_media', detail: {} } }

describe('what hinders a start', () => {
  it.each([
    [empty, empty, 'both'],
    [empty, holding('audio', 1), 'video'],
    [holding('video', 1), empty, 'audio'],
    [holding('video', 1, cannot), empty, 'videoUnfit'],
    [holding('video', 1), holding('audio', 1, cannot), 'audioUnfit'],
    [{ kind: 'reading', name: '' } satisfies Slot, holding('audio', 1), 'reading'],
    [holding('video', 1, { kind: 'warn', warnings: ['very_long'] }), holding('audio', 1), null],
  ])('%#', (video, audio, why) => expect(hindrance({ video, audio })).toBe(why))
})

describe('what will come out', () => {
  const format = createFormat('zh-CN')
  const say = (videoSec: number | null, voiceSec: number | null): string =>
    foretell({ video: holding('video', videoSec), audio: holding('audio', voiceSec) }, zhCN, format)

  it('loops a short video', () => expect(say(10, 65)).toContain('视频只有 10 秒，会循环使用'))
  it('cuts a long one', () => expect(say(100, 65)).toContain('多出的 35 秒不使用'))
  it('has nothing to add when they match', () => expect(say(65.2, 65)).toBe('成片时长 1 分 5 秒，与配音一致。'))
  it('promises no length it does not know', () => expect(say(65, null)).toBe('成片时长与配音一致。'))
})
