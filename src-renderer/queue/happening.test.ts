import { describe, expect, it } from 'vitest'
import type { JobStateView } from '../../src-shared/bridge-contract'
import type { Progress } from '../../src-shared/job'
import { createFormat } from '../../src-shared/words/format'
import { zhCN } from '../../src-shared/words/zh-CN'
import { figuresOf, happeningOf, shareOf } from './happening'

const format = createFormat('zh-CN')
const progress: Progress = { unit: 'bytes', done: 50, total: 100, perSecond: 25, secondsLeft: 2, estimated: false }
const show = (state: JobStateView, nowMs = 0) => {
  const happening = happeningOf(state, zhCN, nowMs)
  return { ...happening, ...figuresOf(happening, format, zhCN), share: shareOf(happening) }
}

describe('what a job does', () => {
  it('says which file is on its way', () => {
    expect(show({ kind: 'uploading', file: 'audio', progress, awaitingReply: false })).toMatchObject({
      stage: '正在上传配音',
      percent: '50%',
      amount: '50 / 100 B · 25 B/s',
      timeLeft: '剩余 2 秒',
      uncounted: false,
    })
  })

  it('neither counts nor promises while the server still stores', () => {
    expect(show({ kind: 'uploading', file: 'video', progress, awaitingReply: true })).toMatchObject({
      stage: '已传完，等待服务器确认',
      amount: '50 / 100 B',
      timeLeft: '',
      uncounted: true,
    })
  })

  it('starts a new bar for each file and stage, not for each state', () => {
    const bar = (state: JobStateView): string => happeningOf(state, zhCN, 0).bar
    const uploading = (file: 'video' | 'audio', awaitingReply: boolean): string => bar({ kind: 'uploading', file, progress, awaitingReply })
    expect(uploading('video', true)).toBe(uploading('video', false))
    expect(uploading('audio', false)).not.toBe(uploading('video', false))
    expect(bar({ kind: 'rendering', progress })).not.toBe(bar({ kind: 'downloading', progress }))
  })

  it('gives the place in line when the server does', () => {
    expect(show({ kind: 'waiting', position: 3 })).toMatchObject({ stage: '服务器排队中，第 3 位', progress: null, percent: '' })
    expect(show({ kind: 'waiting', position: null }).stage).toBe('服务器排队中')
  })

  it('shows a share alone where only a share is known', () => {
    expect(show({ kind: 'rendering', progress: { ...progress, unit: 'percent' } })).toMatchObject({ percent: '50%', amount: '' })
  })

  it('shows the wait for the GPU machine against the usual time, never as over, and what happens next', () => {
    const waking = { kind: 'waking', sinceMs: 1000, usualMs: 60_000, power: 'starting', trouble: null, inputsStored: true } as const
    expect(show(waking, 31_000)).toMatchObject({ stage: '正在等 GPU 服务器开机', amount: '已等 0:30，通常约 1 分', share: 0.5 })
    expect(show(waking, 31_000).note?.text).toContain('任务已排队')
    expect(show(waking, 10_000_000).share).toBe(0.95)
    expect(show({ ...waking, usualMs: null }, 1000).amount).toBe('已等 0:00，通常约 2 分')
    expect(show({ ...waking, inputsStored: false }).note?.text).toContain('请先不要退出')
    expect(show({ ...waking, power: 'stopping' }).note?.text).toContain('关机')
    expect(show({ ...waking, trouble: 'nobody' }).note).toMatchObject({ trouble: true, text: expect.stringContaining('管理员') as string })
  })
})
