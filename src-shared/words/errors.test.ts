import { describe, expect, it } from 'vitest'
import { errorCodes } from '../errors'
import { describeError } from './errors'

describe('describeError', () => {
  it('has three whole sentences for every code in both languages, with nothing left unfilled', () => {
    for (const language of ['zh-CN', 'en'] as const) {
      for (const code of errorCodes) {
        for (const detail of [{}, { file: 'a.mp4', host: 'h:1', said: 'x', server: 'gpu', folder: 'f', address: 'a', expected: 1, actual: 2, expectedSec: 3, actualSec: 4 }]) {
          for (const sentence of Object.values(describeError(language, { code, detail }))) {
            expect(sentence.length).toBeGreaterThan(3)
            expect(sentence).not.toMatch(/[{}]|undefined/)
          }
        }
      }
    }
  })

  it('begins with a capital only where our own words begin, and ends what a server said', () => {
    expect(describeError('en', { code: 'server_unreachable', detail: { server: 'gpu', host: 'gpu.example.com' } })).toMatchObject({
      title: 'The GPU server cannot be reached',
      meaning: 'gpu.example.com does not answer: the server may be off, or the network or the address is wrong.',
    })
    expect(describeError('en', { code: 'task_failed', detail: { said: 'two faces' } }).meaning).toBe('The engine says: two faces.')
    expect(describeError('zh-CN', { code: 'task_failed', detail: { said: '存在多人脸！' } }).meaning).toBe('引擎的说明：存在多人脸！')
  })

  it('names what the error carries', () => {
    expect(describeError('zh-CN', { code: 'server_unreachable', detail: { server: 'gpu', host: '10.0.0.2:8383' } })).toEqual({
      title: '连接不上 GPU 服务器',
      meaning: '10.0.0.2:8383 没有响应：服务器可能没有启动，或网络、地址有问题。',
      todo: '检查网络和设置里的地址，然后重试。',
    })
    expect(describeError('en', { code: 'result_truncated', detail: { expected: 1234567, actual: 10 } }).meaning).toBe('It should have 1,234,567 bytes, 10 arrived.')
  })
})
