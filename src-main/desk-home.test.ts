import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultOutputDir, deskHome } from './desk-home'

describe('deskHome', () => {
  it('keeps everything in the folder that LIPSYNC_HOME names', () => {
    const dir = resolve('/somewhere/else')
    const { dir: chosen, ...places } = deskHome({ LIPSYNC_HOME: dir })
    expect(chosen).toBe(dir)
    for (const place of Object.values(places)) expect(place.startsWith(dir)).toBe(true)
    expect(new Set(Object.values(places)).size).toBe(Object.keys(places).length)
  })

  it('is an absolute folder where a relative one is named', () => {
    expect(deskHome({ LIPSYNC_HOME: 'here' }).dir).toBe(resolve('here'))
  })

  it.runIf(process.platform === 'linux')('lies where Linux keeps settings', () => {
    expect(deskHome({ XDG_CONFIG_HOME: '/xdg' }).dir).toBe(join('/xdg', 'lipsync-desk'))
    expect(deskHome({}).dir).toMatch(/\.config\/lipsync-desk$/)
  })
})

describe('defaultOutputDir', () => {
  it('is a folder of its own', () => {
    expect(defaultOutputDir()).toMatch(/LipSync Desk$/)
  })
})
