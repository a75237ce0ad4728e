import { expect, it } from 'vitest'
import { splitName } from './split-name'

it.each(['short.mp4', 'a-rather-long-name-of-a-take.final.mov', '没有扩展名', '.hidden', ''])('loses nothing of %j', (name) => {
  const { head, tail } = splitName(name)
  expect(head + tail).toBe(name)
})

it('keeps the extension and the end of a long name', () => {
  expect(splitName('第三期新品介绍配音最终版本客户确认.wav')).toEqual({ head: '第三期新品介绍配音最终', tail: '版本客户确认.wav' })
})

it('does not cut a character people see as one', () => {
  const { tail } = splitName('一二三四五六七八九十👩‍👩‍👧‍👦甲乙丙丁戊.mp4')
  expect(tail).toBe('👩‍👩‍👧‍👦甲乙丙丁戊.mp4')
})
