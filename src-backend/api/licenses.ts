// License keys and the check every API call goes through (contract.md §2.2, in its order). Keys come from a file, from
// the environment, or both; after reading only their fingerprints are kept.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { apiHeaders, licenseMessages, type ApiReason } from '../../src-shared/api-contract'
import { reasonOf } from '../log'
import { bearerOf, fingerprintOf, sameSecret } from '../secrets'

/** Epoch milliseconds. */
interface License {
  readonly startsAt: number
  readonly expiresAt: number
  readonly disabled: boolean
}

/** Whose request it is: a fingerprint of the license key, never the key. */
export type Owner = string

export interface LicenseRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The `license_key` of a body that has one. */
  readonly bodyKey: string
}

export type LicenseAnswer =
  /** The key itself goes no further than the store, for the lists that operators know. */
  | { readonly ok: true; readonly owner: Owner; readonly licenseKey: string }
  | { readonly ok: false; readonly reason: ApiReason; readonly message: string }

export class LicenseFileProblem extends Error {}

const entrySchema = z.object({
  key: z.string().trim().min(1),
  starts_at: z.string().optional(),
  expires_at: z.string().optional(),
  disabled: z.boolean().default(false),
})
type Entry = z.infer<typeof entrySchema>

export class Licenses {
  private constructor(
    /** Looked up by digest, so that the time of a look-up says nothing about a key. */
    private readonly byFingerprint: ReadonlyMap<Owner, License>,
    private readonly apiSecret: string,
    private readonly now: () => number,
  ) {}

  /** Throws LicenseFileProblem. */
  static load(
    source: { readonly licenseFile: string | undefined; readonly licenseKeys: readonly string[]; readonly secret: string },
    now: () => number = Date.now,
  ): Licenses {
    const fromFile = source.licenseFile === undefined ? [] : readLicenseFile(source.licenseFile)
    const entries = [...fromFile, ...source.licenseKeys.map((key) => ({ key, disabled: false }))]
    return new Licenses(
      new Map(entries.map((entry) => [fingerprintOf(entry.key), toLicense(entry)])),
      source.secret,
      now,
    )
  }

  get count(): number {
    return this.byFingerprint.size
  }

  check(request: LicenseRequest): LicenseAnswer {
    const answer = this.checkKey(this.licenseKeyOf(request))
    if (answer.ok && headerOf(request, apiHeaders.machineCode) === '') {
      return refused('machine_code_missing', licenseMessages.noMachineCode)
    }
    return answer
  }

  /** Without a request: of a client on the hub. */
  checkKey(key: string): LicenseAnswer {
    if (key === '') return refused('license_missing', licenseMessages.missing)
    const owner = fingerprintOf(key)
    const license = this.byFingerprint.get(owner)
    if (!license) return refused('license_unknown', licenseMessages.unknown)
    if (license.disabled) return refused('license_disabled', licenseMessages.disabled)
    const now = this.now()
    if (now < license.startsAt) return refused('license_not_started', licenseMessages.notStarted)
    if (now >= license.expiresAt) return refused('license_expired', licenseMessages.expired)
    return { ok: true, owner, licenseKey: key }
  }

  /**
   * The Bearer is the license key; or, where the API has a secret of its own and the Bearer is that, the key stands in
   * the body or in X-License-Key.
   */
  private licenseKeyOf(request: LicenseRequest): string {
    const bearer = bearerOf(headerOf(request, apiHeaders.authorization))
    if (this.apiSecret === '' || !sameSecret(bearer, this.apiSecret)) return bearer
    return request.bodyKey.trim() || headerOf(request, apiHeaders.licenseKey)
  }
}

/** A JSON list of entries, or one key a line; `#` begins a comment line. */
function readLicenseFile(path: string): readonly Entry[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new LicenseFileProblem(`LICENSE_FILE: ${reasonOf(error)}`)
  }
  if (!text.trimStart().startsWith('[')) {
    const lines = text.split(/\r?\n/).map((line) => line.trim())
    return lines.filter((line) => line !== '' && !line.startsWith('#')).map((key) => ({ key, disabled: false }))
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new LicenseFileProblem('LICENSE_FILE: not JSON')
  }
  const parsed = z.array(entrySchema).safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new LicenseFileProblem(`LICENSE_FILE: entry ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong shape'}`)
}

function toLicense(entry: Entry): License {
  return {
    startsAt: entry.starts_at === undefined ? -Infinity : timeOf(entry.starts_at, 'starts_at', 0),
    expiresAt: entry.expires_at === undefined ? Infinity : timeOf(entry.expires_at, 'expires_at', 1),
    disabled: entry.disabled,
  }
}

/** A bare date is a whole local day: it starts at its beginning and expires at its end (quirk 52). */
function timeOf(text: string, field: string, daysLater: 0 | 1): number {
  const day = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text.trim())
  const time = day
    ? new Date(Number(day[1]), Number(day[2]) - 1, Number(day[3]) + daysLater).getTime()
    : Date.parse(text.trim())
  if (Number.isNaN(time)) throw new LicenseFileProblem(`LICENSE_FILE: ${field} is not a date: ${text.slice(0, 40)}`)
  return time
}

function headerOf(request: LicenseRequest, name: string): string {
  const value = request.headers[name.toLowerCase()]
  return (Array.isArray(value) ? value[0] : value)?.trim() ?? ''
}

function refused(reason: ApiReason, message: string): LicenseAnswer {
  return { ok: false, reason, message }
}
