import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { LicenseFileProblem, Licenses, type LicenseRequest } from './licenses'

const dir = mkdtempSync(join(tmpdir(), 'licenses-'))
afterAll(() => {
  rmSync(dir, { recursive: true })
})

let count = 0
function withFile(content: string, options: { secret?: string; now?: Date; keys?: string[] } = {}): Licenses {
  const licenseFile = join(dir, String((count += 1)))
  writeFileSync(licenseFile, content)
  const now = options.now ?? new Date(2026, 5, 15, 12)
  return Licenses.load({ licenseFile, licenseKeys: options.keys ?? [], secret: options.secret ?? '' }, () => now.getTime())
}

const asking = (headers: Record<string, string>, bodyKey = ''): LicenseRequest => ({
  headers: { 'x-machine-code': 'MC', ...headers },
  bodyKey,
})
const bearer = (key: string, more: Record<string, string> = {}) => asking({ authorization: `Bearer ${key}`, ...more })

describe('Licenses', () => {
  it('knows keys from a list of lines, a list of entries and the environment', () => {
    const lines = withFile('# keys\n\nK1\r\n  K2  \n', { keys: ['K3'] })
    const entries = withFile('[{"key":"K1"},{"key":"K2"}]', { keys: ['K3'] })
    for (const licenses of [lines, entries]) {
      expect(licenses.count).toBe(3)
      for (const key of ['K1', 'K2', 'K3']) expect(licenses.check(bearer(key)).ok).toBe(true)
    }
  })

  it('tells owners apart without naming their keys', () => {
    const licenses = withFile('K-first\nK-second')
    const owners = ['K-first', 'K-second'].map((key) => {
      const answer = licenses.check(bearer(key))
      return answer.ok && answer.owner
    })
    expect(owners[0]).not.toEqual(owners[1])
    expect(JSON.stringify(owners)).not.toContain('K-')
  })

  const entries = JSON.stringify([
    { key: 'disabled', disabled: true, expires_at: '2020-01-01' },
    { key: 'later', starts_at: '2026-06-16' },
    { key: 'today-from', starts_at: '2026-06-15' },
    { key: 'ended', expires_at: '2026-06-14' },
    { key: 'last-day', expires_at: '2026-06-15' },
    { key: 'past-time', expires_at: new Date(2026, 5, 15, 11, 59).toISOString() },
    { key: 'future-time', expires_at: new Date(2026, 5, 15, 12, 1).toISOString() },
  ])
  it.each<[string, LicenseRequest, string | undefined, string]>([
    ['no header', asking({}), 'license_missing', '缺少 Authorization'],
    ['another scheme', asking({ authorization: 'Basic last-day' }), 'license_missing', '缺少 Authorization'],
    ['an empty Bearer', asking({ authorization: 'Bearer ' }), 'license_missing', '缺少 Authorization'],
    ['an unknown key', bearer('unknown'), 'license_unknown', '卡密不存在'],
    ['a key of another case', bearer('LAST-DAY'), 'license_unknown', '卡密不存在'],
    ['a disabled key, though it has expired too', bearer('disabled'), 'license_disabled', '卡密已被禁用'],
    ['a key from tomorrow', bearer('later'), 'license_not_started', '卡密尚未生效'],
    ['a key until yesterday', bearer('ended'), 'license_expired', '卡密已过期'],
    ['a key until a minute ago', bearer('past-time'), 'license_expired', '卡密已过期'],
    ['no machine code', bearer('last-day', { 'x-machine-code': ' ' }), 'machine_code_missing', '缺少设备指纹'],
    ['an expired key without a machine code', bearer('ended', { 'x-machine-code': '' }), 'license_expired', '卡密已过期'],
    ['a key on its last day', bearer('last-day'), undefined, ''],
    ['a key on its first day', bearer('today-from'), undefined, ''],
    ['a key for another minute', bearer('future-time'), undefined, ''],
    ['any case of the scheme', asking({ authorization: '  bearer   last-day ' }), undefined, ''],
  ])('answers %s', (_what, request, reason, message) => {
    const answer = withFile(entries).check(request)
    expect(answer).toMatchObject(reason === undefined ? { ok: true } : { ok: false, reason, message })
  })

  it('takes the API secret as the Bearer with the key in the body or in a header, and the key alone as well', () => {
    const licenses = withFile('K1', { secret: 's3cret' })
    expect(licenses.check(asking({ authorization: 'Bearer s3cret' }, 'K1'))).toMatchObject({ ok: true })
    expect(licenses.check(bearer('s3cret', { 'x-license-key': 'K1' }))).toMatchObject({ ok: true })
    expect(licenses.check(bearer('K1'))).toMatchObject({ ok: true })
    expect(licenses.check(bearer('s3cret'))).toMatchObject({ reason: 'license_missing' })
    expect(licenses.check(asking({ authorization: 'Bearer s3cret' }, 'K2'))).toMatchObject({ reason: 'license_unknown' })
    // A key in the body opens nothing by itself.
    expect(licenses.check(asking({}, 'K1'))).toMatchObject({ reason: 'license_missing' })
    expect(licenses.check(asking({ authorization: 'Bearer wrong' }, 'K1'))).toMatchObject({ reason: 'license_unknown' })
  })

  it('does not look in the body where the API has no secret', () => {
    expect(withFile('K1').check(asking({ authorization: 'Bearer other' }, 'K1'))).toMatchObject({ reason: 'license_unknown' })
  })

  it.each(['[{"key":""}]', '[{"kee":"a"}]', '[{"key":"a","expires_at":"soon"}]', '[nonsense'])('does not start with %s', (content) => {
    expect(() => withFile(content)).toThrow(LicenseFileProblem)
  })

  it('does not start without the file it was told to read', () => {
    const source = { licenseFile: join(dir, 'nowhere'), licenseKeys: [], secret: '' }
    expect(() => Licenses.load(source)).toThrow(/^LICENSE_FILE: /)
  })
})
