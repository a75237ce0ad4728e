import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSecret, parseStoredSettings, readSettingsFile } from './settings-file'
import { useTempDirs } from './submitter/testing/temp-dir'

const defaults = { apiUrl: '', gpuUrl: '', outputDir: '', language: 'auto', theme: 'system' }

describe('parseStoredSettings', () => {
  it('reads what the app has written', () => {
    const settings = { apiUrl: 'https://api.example.com', gpuUrl: 'http://127.0.0.1:8383', outputDir: '/home/someone/Videos', language: 'zh-CN', theme: 'dark' }
    const secrets = { licenseKey: { sealed: 'abc' }, gpuSecret: { plain: 'def' } }
    expect(parseStoredSettings({ settings, secrets })).toEqual({ settings, secrets })
  })

  it('leaves out what does not fit, part by part', () => {
    const stored = { settings: { apiUrl: 'https://api.example.com', language: 'klingon', theme: 7, outputDir: null, more: 1 }, secrets: { licenseKey: 'bare', apiSecret: { plain: 1 }, gpuSecret: { plain: 'kept' }, other: { plain: 'x' } } }
    expect(parseStoredSettings(stored)).toEqual({ settings: { ...defaults, apiUrl: 'https://api.example.com' }, secrets: { gpuSecret: { plain: 'kept' } } })
  })

  it.each([{}, null, 'text', 7, [], { settings: [], secrets: 'x' }, { settings: null }])('makes defaults of %j', (value) => {
    expect(parseStoredSettings(value)).toEqual({ settings: defaults, secrets: {} })
  })
})

describe('readSettingsFile', () => {
  const tempDir = useTempDirs()

  it('reads a file', () => {
    const path = join(tempDir(), 'settings.json')
    writeFileSync(path, JSON.stringify({ settings: { theme: 'light' } }))
    expect(readSettingsFile(path).settings.theme).toBe('light')
  })

  it.each(['', '{"half', 'null'])('makes defaults of a file that holds %j', (content) => {
    const path = join(tempDir(), 'settings.json')
    writeFileSync(path, content)
    expect(readSettingsFile(path)).toEqual({ settings: defaults, secrets: {} })
  })

  it('makes defaults where there is no file', () => {
    expect(readSettingsFile(join(tempDir(), 'gone.json'))).toEqual({ settings: defaults, secrets: {} })
  })
})

describe('openSecret', () => {
  const open = (sealed: string): string => {
    if (sealed !== 'sealed') throw new Error('another key store')
    return 'opened'
  }

  it.each([
    [undefined, { value: '', state: 'none' }],
    [{ plain: 'as it is' }, { value: 'as it is', state: 'app' }],
    [{ sealed: 'sealed' }, { value: 'opened', state: 'app' }],
    [{ sealed: 'by another machine' }, { value: '', state: 'unreadable' }],
  ] as const)('makes of %j %j', (stored, secret) => {
    expect(openSecret(stored, open)).toEqual(secret)
  })
})
