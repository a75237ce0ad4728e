import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultSecret, readEnvironment } from './environment'
import { useTempDirs } from './submitter/testing/temp-dir'

describe('readEnvironment', () => {
  const tempDir = useTempDirs()
  const dirWith = (dotenv: string): string => {
    const dir = tempDir()
    writeFileSync(join(dir, '.env'), dotenv)
    return dir
  }

  it('tells what is for this run from what installations have had before', () => {
    const env = {
      ...{ LIPSYNC_LICENSE_KEY: ' LICENSE-1234 ', LIPSYNC_API_SECRET: 'a', LIPSYNC_GPU_SECRET: 'g' },
      ...{ API_SERVER_URL: 'https://api.example.com', HEYGEM_SERVER_URL: 'http://gpu:8383', HEYGEM_API_SECRET: 'both' },
    }
    expect(readEnvironment(env, [])).toEqual({
      explicit: { licenseKey: 'LICENSE-1234', apiSecret: 'a', gpuSecret: 'g' },
      defaults: { apiUrl: 'https://api.example.com', gpuUrl: 'http://gpu:8383', secret: 'both' },
    })
  })

  it('is empty where nothing is set', () => {
    expect(readEnvironment({}, [join(tempDir(), 'gone')])).toEqual({ explicit: { licenseKey: '', apiSecret: '', gpuSecret: '' }, defaults: { apiUrl: '', gpuUrl: '', secret: '' } })
  })

  it('takes the first of several files, and a variable before all of them', () => {
    const dirs = [dirWith('API_SERVER_URL=http://first\nHEYGEM_SERVER_URL=http://first\n'), dirWith('API_SERVER_URL=http://second\nHEYGEM_API_SECRET="quoted # secret"\n# a comment\n')]
    expect(readEnvironment({ HEYGEM_SERVER_URL: 'http://variable' }, dirs).defaults).toEqual({ apiUrl: 'http://first', gpuUrl: 'http://variable', secret: 'quoted # secret' })
  })

  it('reads files that Windows has written', () => {
    expect(readEnvironment({}, [dirWith('API_SERVER_URL=http://api\r\nHEYGEM_API_SECRET=secret\r\n')]).defaults).toMatchObject({ apiUrl: 'http://api', secret: 'secret' })
  })

  it('gives the one older secret to both servers, and to nothing else', () => {
    const given = readEnvironment({ HEYGEM_API_SECRET: 'both' }, [])
    expect([defaultSecret(given, 'apiSecret'), defaultSecret(given, 'gpuSecret'), defaultSecret(given, 'licenseKey')]).toEqual(['both', 'both', ''])
  })
})
