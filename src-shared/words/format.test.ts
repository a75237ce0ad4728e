import { describe, expect, it } from 'vitest'
import type { Progress } from '../job'
import { codecName, createFormat } from './format'

const zh = createFormat('zh-CN')
const en = createFormat('en')
const progress = (part: Partial<Progress>): Progress => ({ unit: 'bytes', done: 0, total: 1, perSecond: null, secondsLeft: null, estimated: false, ...part })

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KB'],
    [1536, '1.50 KB'],
    [12_582_912, '12.0 MB'],
    [186_300_000, '178 MB'],
    [4_200_000_000, '3.91 GB'],
    [3 * 1024 ** 4, '3.00 TB'],
  ])('%d bytes', (bytes, text) => expect(en.bytes(bytes)).toBe(text))

  it('writes done and total in one unit', () => expect(zh.amount(progress({ done: 1024 ** 2, total: 1024 ** 3 }))).toBe('0.00 / 1.00 GB'))
})

describe('times', () => {
  it.each([
    [0.4, '不到 1 秒', 'under 1 s'],
    [45, '45 秒', '45 s'],
    [60, '1 分', '1 min'],
    [92.4, '1 分 32 秒', '1 min 32 s'],
    [7500, '2 小时 5 分', '2 h 5 min'],
  ])('%d s as a span', (seconds, chinese, english) => {
    expect(zh.span(seconds)).toBe(chinese)
    expect(en.span(seconds)).toBe(english)
  })

  it.each([
    [5, '0:05'],
    [92.6, '1:33'],
    [3723, '1:02:03'],
  ])('%d s on a clock', (seconds, text) => expect(en.clock(seconds)).toBe(text))

  it('names today and yesterday, and leaves this year out', () => {
    const now = new Date(2025, 4, 2, 15, 0).getTime()
    expect(zh.moment(new Date(2025, 4, 2, 9, 5).getTime(), now)).toBe('今天 09:05')
    expect(zh.moment(new Date(2025, 4, 1, 23, 59).getTime(), now)).toBe('昨天 23:59')
    expect(zh.moment(new Date(2025, 2, 9, 8, 30).getTime(), now)).toBe('3月9日 08:30')
    expect(zh.moment(new Date(2023, 11, 31, 8, 30).getTime(), now)).toBe('2023年12月31日')
    expect(en.moment(new Date(2025, 2, 9, 8, 30).getTime(), now)).toBe('Mar 9 08:30')
  })

  it('says about only of what is estimated', () => {
    expect(zh.timeLeft(progress({ secondsLeft: 43, estimated: true }))).toBe('剩余约 45 秒')
    expect(zh.timeLeft(progress({ secondsLeft: 43 }))).toBe('剩余 45 秒')
    expect(en.timeLeft(progress({ secondsLeft: 4321, estimated: true }))).toBe('about 1 h 13 min left')
    expect(en.timeLeft(progress({}))).toBeNull()
  })

  it('midnight is 00', () => expect(en.timeOfDay(new Date(2025, 0, 1, 0, 4, 9).getTime())).toBe('00:04:09'))
})

describe('progress', () => {
  it('is not whole before its end', () => {
    expect(en.percent(1999, 2000)).toBe('99%')
    expect(en.percent(2000, 2000)).toBe('100%')
    expect(en.percent(2001, 2000)).toBe('100%')
  })

  it('counts frames, and only shares of what is a share', () => {
    const frames = progress({ unit: 'frames', done: 1982.6, total: 3205, perSecond: 28.4 })
    expect([zh.amount(frames), zh.rate(frames)]).toEqual(['1,982 / 3,205 帧', '28 帧/秒'])
    const share = progress({ unit: 'percent', done: 41, total: 100, perSecond: 2 })
    expect([zh.amount(share), zh.rate(share)]).toEqual([null, null])
  })
})

it('knows codecs by the names people use', () => {
  expect(['avc', 'hevc', 'pcm-s16', 'aac', 'zzz'].map(codecName)).toEqual(['H.264', 'H.265', 'PCM', 'AAC', 'ZZZ'])
})
