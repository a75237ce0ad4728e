import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { machineCode } from './machine-code'
import { useTempDirs } from './submitter/testing/temp-dir'

describe('machineCode', () => {
  const tempDir = useTempDirs()

  it('is made once and kept', async () => {
    const path = join(tempDir(), 'new', 'machine-code')
    const code = await machineCode(path, {})
    expect(code).toMatch(/^[0-9A-F]{32}$/)
    expect(readFileSync(path, 'utf8').trim()).toBe(code)
    expect(await machineCode(path, {})).toBe(code)
  })

  it('is the kept one, whatever the system says of itself by now', async () => {
    const path = join(tempDir(), 'machine-code')
    writeFileSync(path, `${'0123456789ABCDEF'.repeat(2)}\n`)
    expect(await machineCode(path, {})).toBe('0123456789ABCDEF'.repeat(2))
  })

  it.each(['', 'too short', 'abcdef'.repeat(6)])('is made anew where %j is kept', async (kept) => {
    const path = join(tempDir(), 'machine-code')
    writeFileSync(path, kept)
    const code = await machineCode(path, {})
    expect(code).toMatch(/^[0-9A-F]{32}$/)
    expect(await machineCode(path, {})).toBe(code)
  })

  it("is another client's where the license is bound to that, and that is not kept", async () => {
    const path = join(tempDir(), 'machine-code')
    expect(await machineCode(path, { LIPSYNC_MACHINE_CODE: ' MB-ABC-123 ' })).toBe('MB-ABC-123')
    expect(await machineCode(path, { LIPSYNC_MACHINE_CODE: ' ' })).toMatch(/^[0-9A-F]{32}$/)
  })

  it('does not tell the id of the system', async () => {
    const code = await machineCode(join(tempDir(), 'machine-code'), {})
    let id = ''
    try {
      id = readFileSync('/etc/machine-id', 'utf8').trim()
    } catch {
      // Another system, or none of its own: there is nothing that could be told.
    }
    expect(code.toLowerCase()).not.toBe(id)
  })
})
