import { describe, expect, it } from 'vitest'
import type { JobStateView } from '../../src-shared/bridge-contract'
import type { Progress } from '../../src-shared/job'
import { createFormat } from '../../src-shared/words/format'
import { zhCN } from '../../src-shared/words/zh-CN'
import { figuresOf, happeningOf } from './happening'

const format = createFormat('zh-CN')
const progress: Progress = { unit: 'bytes', done: 50, total: 100, perSecond: 25, secondsLeft: 2, estimated: false }
const show = (state: JobStateView) => {
  const happening = happeningOf(state, zhCN)
  return { ...happening, ...figuresOf(happening, format) }
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
    const bar = (state: JobStateView): string => happeningOf(state, zhCN).bar
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
})
