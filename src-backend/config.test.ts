import { describe, expect, it } from 'vitest'
import { ConfigProblems, readConfig } from './config'

function problemsOf(args: string[], environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(args, environment)
    return []
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems
    throw error
  }
}

describe('readConfig', () => {
  it('has a default for everything a machine of one needs', () => {
    expect(readConfig(['all'], {})).toMatchObject({
      roles: ['api', 'gpu'],
      host: '127.0.0.1',
      api: { port: 9501, secret: '', licenseKeys: [] },
      gpu: { port: 8383, secret: '', engine: { kind: 'mux' } },
      exitWithParent: false,
    })
  })

  it('takes the one secret of existing installations for both servers, unless they have their own', () => {
    const config = readConfig(['all'], { HEYGEM_API_SECRET: 'both', GPU_SECRET: 'own' })
    expect([config.api.secret, config.gpu.secret]).toEqual(['both', 'own'])
  })

  it('takes an empty variable for an unset one', () => {
    expect(readConfig(['gpu'], { GPU_PORT: '', HUB_URL: ' ', ENGINE: '' }).gpu.port).toBe(8383)
  })

  it('reads keys, roles, options and commands', () => {
    const config = readConfig(['gpu', 'api', '--exit-with-parent'], {
      LICENSE_KEYS: ' a, b,,',
      ENGINE: 'duix',
      DUIX_URL: 'http://127.0.0.1:1/',
      DUIX_DATA_DIR: '/d',
      DUIX_RESTART_COMMAND: '["docker", "restart", "my engine"]',
      API_PORT: '0',
    })
    expect(config).toMatchObject({ roles: ['api', 'gpu'], exitWithParent: true, api: { port: 0, licenseKeys: ['a', 'b'] } })
    expect(config.gpu.engine).toEqual({
      kind: 'duix',
      url: 'http://127.0.0.1:1',
      dataDir: expect.stringMatching(/d$/),
      filesUrl: undefined,
      restartCommand: ['docker', 'restart', 'my engine'],
    })
  })

  it('is frozen to its depths', () => {
    const config = readConfig(['all'], { LICENSE_KEYS: 'a' })
    expect(() => (config.api.licenseKeys as string[]).push('b')).toThrow(TypeError)
  })

  it.each<[string[], NodeJS.ProcessEnv, RegExp[]]>([
    [[], {}, [/usage/]],
    [['all', 'everything'], {}, [/unknown argument: everything/]],
    [['all'], { API_PORT: 'x', GPU_PORT: '70000', ENGINE: 'mix' }, [/^API_PORT: /, /^GPU_PORT: /, /^ENGINE: must be mux or duix/]],
    [['api'], {}, [/^WORKER_SECRET: needed/]],
    [['api'], { WORKER_SECRET: 'short' }, [/^WORKER_SECRET: at least/]],
    [['gpu'], { HUB_URL: 'ws://127.0.0.1:1/dsp' }, [/^WORKER_SECRET: needed/]],
    [['gpu'], { HUB_URL: 'http://127.0.0.1', WORKER_SECRET: 'long enough' }, [/^HUB_URL: not a ws/]],
    [['gpu'], { ENGINE: 'duix' }, [/^DUIX_URL: needed/, /^DUIX_DATA_DIR: needed/]],
    [['gpu'], { ENGINE: 'duix', DUIX_URL: 'http://a', DUIX_DATA_DIR: 'b', DUIX_RESTART_COMMAND: '[1]' }, [/^DUIX_RESTART_COMMAND/]],
  ])('%j with %j: one line for each problem', (args, environment, lines) => {
    const problems = problemsOf(args, environment)
    expect(problems).toHaveLength(lines.length)
    lines.forEach((line, index) => {
      expect(problems[index]).toMatch(line)
    })
  })
})
