import { describe, expect, it } from 'vitest'
import { checkAddresses } from './server-drafts'

const none = { environmentApiUrl: '', environmentGpuUrl: '' }

describe('two addresses being typed', () => {
  it('may both be empty: the built-in service', () => {
    expect(checkAddresses(' ', '', none)).toEqual({ api: { fault: null, address: '' }, gpu: { fault: null, address: '' } })
  })

  it('are made whole', () => {
    expect(checkAddresses('example.com', '192.168.1.20:8383', none)).toEqual({
      api: { fault: null, address: 'https://example.com' },
      gpu: { fault: null, address: 'http://192.168.1.20:8383' },
    })
  })

  it('need each other', () => {
    expect(checkAddresses('example.com', '', none).gpu.fault).toBe('missing')
    expect(checkAddresses('', 'example.com', none).api.fault).toBe('missing')
  })

  it('count what the environment gives', () => {
    expect(checkAddresses('example.com', '', { ...none, environmentGpuUrl: 'http://10.0.0.8:8383' }).gpu.fault).toBeNull()
    expect(checkAddresses('', '', { ...none, environmentApiUrl: 'http://10.0.0.8' }).gpu.fault).toBe('missing')
  })

  it('are refused when they are none', () => expect(checkAddresses('not an address', 'ftp://x', none)).toMatchObject({ api: { fault: 'malformed' }, gpu: { fault: 'malformed' } }))
})
