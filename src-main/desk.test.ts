import { afterEach, describe, expect, it } from 'vitest'
import { openDesk, usesBuiltInService, type Desk, type ServerChoice } from './desk'
import { deskHome } from './desk-home'
import type { LocalService } from './local-service'
import { failureOf, never } from './submitter/testing/failure-of'
import { useTempDirs } from './submitter/testing/temp-dir'

const noChoice: ServerChoice = { apiUrl: '', gpuUrl: '', licenseKey: '', apiSecret: '', gpuSecret: '', secretUnreadable: false }
const own = { apiUrl: 'http://127.0.0.1:1', gpuUrl: 'http://127.0.0.1:2', licenseKey: 'local', apiSecret: '', gpuSecret: 'local-secret' }

describe('the servers of a desk', () => {
  const tempDir = useTempDirs()
  let desk: Desk | null = null
  afterEach(async () => {
    await desk?.close()
    desk = null
  })

  const open = async (choice: Partial<ServerChoice>) => {
    const asked: string[] = []
    const localService: LocalService = {
      ensure: async () => {
        asked.push('ensure')
        return own
      },
      stop: async () => void asked.push('stop'),
      view: () => ({ kind: 'starting' }),
      onChange: () => () => undefined,
    }
    desk = await openDesk({
      home: deskHome({ LIPSYNC_HOME: tempDir() }),
      env: { LIPSYNC_MACHINE_CODE: 'CODE' },
      serverChoice: () => ({ ...noChoice, ...choice }),
      localService,
      hashWorkerUrl: new URL('file:///unused'),
      waitForGpu: false,
      logFault: () => undefined,
    })
    return { servers: () => desk!.servers(never), asked }
  }

  it('are the built-in ones where no address is set', async () => {
    const { servers, asked } = await open({ licenseKey: 'not for our own service', secretUnreadable: true })
    expect(asked).toEqual([])
    expect(await servers()).toEqual({ ...own, machineCode: 'CODE' })
    await desk?.close()
    expect(asked).toEqual(['ensure', 'stop'])
    desk = null
  })

  it('are those that were chosen, their addresses made whole', async () => {
    const { servers, asked } = await open({ apiUrl: ' api.example.com/ ', gpuUrl: '192.168.1.5:8383', licenseKey: 'L', apiSecret: 'A', gpuSecret: 'G' })
    expect(await servers()).toEqual({ apiUrl: 'https://api.example.com', gpuUrl: 'http://192.168.1.5:8383', licenseKey: 'L', apiSecret: 'A', gpuSecret: 'G', machineCode: 'CODE' })
    expect(asked).toEqual([])
  })

  it.each([
    [{ apiUrl: 'ftp://x', gpuUrl: 'gpu' }, { server: 'api', address: 'ftp://x' }],
    [{ apiUrl: 'api', gpuUrl: 'a b' }, { server: 'gpu', address: 'a b' }],
    [{ apiUrl: 'api' }, { server: 'gpu', address: '' }],
    [{ gpuUrl: 'gpu' }, { server: 'api', address: '' }],
  ])('cannot be %j', async (choice, detail) => {
    const { servers } = await open(choice)
    expect((await failureOf(servers())).toData()).toEqual({ code: 'address_malformed', detail })
  })

  it('are not asked with half of the secrets', async () => {
    const { servers } = await open({ apiUrl: 'api', gpuUrl: 'gpu', secretUnreadable: true })
    expect((await failureOf(servers())).code).toBe('secret_unreadable')
  })
})

describe('usesBuiltInService', () => {
  it.each([
    ['', '', true],
    [' ', '\t', true],
    ['api', '', false],
    ['', 'gpu', false],
  ])('of %j and %j is %s', (apiUrl, gpuUrl, uses) => {
    expect(usesBuiltInService({ apiUrl, gpuUrl })).toBe(uses)
  })
})
