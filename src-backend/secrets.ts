// Comparing what must not be guessed: in a time that says nothing about how much of it was right.
import { createHash, timingSafeEqual } from 'node:crypto'

export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

/** Whose a license key is, without keeping the key: the same in both roles, and safe to log and to store. */
export function fingerprintOf(licenseKey: string): string {
  return licenseKey === '' ? '' : createHash('sha256').update(licenseKey).digest('hex').slice(0, 32)
}

/** The word after "Bearer", whatever its case; '' when the header is absent or of another kind. */
export function bearerOf(authorization: string | undefined): string {
  return /^\s*Bearer\s+(\S.*?)\s*$/i.exec(authorization ?? '')?.[1] ?? ''
}
