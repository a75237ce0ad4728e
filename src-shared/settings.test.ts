import { describe, expect, it } from 'vitest'
import { parseServerAddress } from './settings'

describe('parseServerAddress', () => {
  it.each([
    ['127.0.0.1:8383', 'http://127.0.0.1:8383'],
    ['localhost', 'http://localhost'],
    ['192.168.1.20:8383/', 'http://192.168.1.20:8383'],
    ['172.20.0.3', 'http://172.20.0.3'],
    ['gpu.example.com', 'https://gpu.example.com'],
    ['HTTP://Api.Example.com/base/', 'http://api.example.com/base'],
    ['https://[::1]:9501', 'https://[::1]:9501'],
    ['测试.example', 'https://测试.example'],
  ])('makes %s whole', (typed, whole) => {
    expect(parseServerAddress(typed)).toBe(whole)
  })

  it.each(['', '  ', 'ftp://x', 'http://', 'http:///x', 'a b', 'http://user:pw@host', 'host:0', 'host:99999', 'host?x=1', 'http://-x', 'javascript:alert(1)', '..'])(
    'refuses %j',
    (typed) => {
      expect(parseServerAddress(typed)).toBeNull()
    },
  )
})
