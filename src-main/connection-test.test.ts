import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { join } from 'node:path'
import { DeskError } from '../src-shared/errors'
import { testConnection } from './connection-test'
import type { ServerMemory, Servers } from './submitter/servers'
import { startDeployedServers, type Deployed } from './submitter/testing/deployed-servers'
import { sampleServers } from './submitter/testing/sample-jobs'
import { deadAddress } from './submitter/testing/scripted-server'
import { useTempDirs } from './submitter/testing/temp-dir'

const noMemory: ServerMemory = { apiTakesSecret: () => null, rememberApiTakesSecret: () => undefined }

describe('testConnection', () => {
  const tempDir = useTempDirs()
  let deployed: Deployed
  beforeEach(async () => void (deployed = await startDeployedServers(Buffer.from('x'))))
  afterEach(() => deployed.close())

  const test = async (more: Partial<Servers> = {}, outputDir = tempDir()) => {
    const servers = sampleServers({ apiUrl: deployed.apiUrl, gpuUrl: deployed.gpuUrl, ...more })
    const checks = await testConnection(async () => servers, noMemory, async () => outputDir)
    return checks.map(({ check, outcome, error }) => `${check} ${outcome}${error === null ? '' : ` ${error.code}`}`)
  }

  it('finds everything that a job needs', async () => {
    expect(await test()).toEqual(['api_reachable ok', 'api_license ok', 'gpu_reachable ok', 'gpu_secret ok', 'gpu_ready ok', 'output_folder ok'])
    expect(deployed.submits).toEqual([])
  })

  it('names host and port of what it asks, and nothing more', async () => {
    const checks = await testConnection(async () => sampleServers({ apiUrl: `${deployed.apiUrl}/base`, gpuUrl: deployed.gpuUrl }), noMemory, async () => tempDir())
    expect(checks[0]?.target).toBe(deployed.apiUrl.slice('http://'.length))
    expect(checks.at(-1)?.target).toBe('')
  })

  it.each<[string, () => Promise<Partial<Servers>> | Partial<Servers>, readonly string[]]>([
    ['the API is not there', async () => ({ apiUrl: await deadAddress() }), ['api_reachable failed server_unreachable', 'api_license skipped']],
    ['there is no license key', () => ({ licenseKey: '' }), ['api_reachable ok', 'api_license failed license_missing']],
    ['the license is unknown', () => ({ licenseKey: 'LICENSE-0000' }), ['api_reachable ok', 'api_license failed license_unknown']],
    ['the GPU server is not there', async () => ({ gpuUrl: await deadAddress() }), ['gpu_reachable failed server_unreachable', 'gpu_secret skipped', 'gpu_ready skipped']],
    ['the secret is wrong', () => ({ gpuSecret: 'wrong-secret' }), ['gpu_reachable ok', 'gpu_secret failed secret_wrong', 'gpu_ready skipped']],
  ])('says that %s, and goes on with the rest', async (_what, wrong, expected) => {
    const found = await test(await wrong())
    expect(found).toEqual(expect.arrayContaining([...expected]))
    expect(found).toHaveLength(6)
    expect(found.filter((line) => line.endsWith(' ok')).length + expected.filter((line) => !line.endsWith(' ok')).length).toBe(6)
  })

  it('says that the engine is not ready', async () => {
    deployed.now.health = () => ({ status: 200, body: { code: 0, msg: 'loading', initialized: false } })
    expect(await test()).toContain('gpu_ready failed engine_not_ready')
  })

  it('says that the folder is gone', async () => {
    expect(await test({}, join(tempDir(), 'gone'))).toContain('output_folder failed output_missing')
  })

  it.each(['api', 'gpu'] as const)('says which address cannot be used (%s), and looks at the folder all the same', async (server) => {
    const checks = await testConnection(() => Promise.reject(new DeskError('address_malformed', { server, address: 'x' })), noMemory, async () => tempDir())
    expect(checks.map(({ check, outcome, error }) => [check, outcome, error?.code])).toEqual([
      [`${server}_reachable`, 'failed', 'address_malformed'],
      ['output_folder', 'ok', undefined],
    ])
  })
})
