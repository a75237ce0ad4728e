// Which bytes a download request asks for (RFC 9110, single ranges only; contract.md §1.2 and quirk 58). No HTTP here
// beyond the header texts: server.ts turns the answer into a status.
export interface FileVersion {
  readonly sizeBytes: number
  readonly etag: string
  readonly modifiedAt: Date
}

export interface ConditionalHeaders {
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
}

export type ByteAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'not-modified' }

/** `end` is the last byte, as in the header. */
export function answerFor(headers: ConditionalHeaders, file: FileVersion): ByteAnswer {
  if (notModified(headers, file)) return { kind: 'not-modified' }
  if (headers.range === undefined || !ifRangeHolds(headers.ifRange, file)) return { kind: 'whole' }
  return parseRange(headers.range, file.sizeBytes)
}

function notModified(headers: ConditionalHeaders, file: FileVersion): boolean {
  if (headers.ifNoneMatch !== undefined) {
    const tags = headers.ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    return tags.includes('*') || tags.includes(file.etag)
  }
  if (headers.ifModifiedSince === undefined) return false
  const since = Date.parse(headers.ifModifiedSince)
  return !Number.isNaN(since) && wholeSeconds(file.modifiedAt) <= since
}

/** A range may only continue the same bytes: a weak tag or another date gives the whole file. */
function ifRangeHolds(ifRange: string | undefined, file: FileVersion): boolean {
  if (ifRange === undefined) return true
  const value = ifRange.trim()
  if (value.startsWith('"') || value.startsWith('W/')) return value === file.etag
  return Date.parse(value) === wholeSeconds(file.modifiedAt)
}

function parseRange(range: string, sizeBytes: number): ByteAnswer {
  const unit = /^\s*bytes\s*=(.*)$/i.exec(range)?.[1]
  // A unit nobody knows is ignored (RFC 9110 §14.2).
  if (unit === undefined) return { kind: 'whole' }
  const match = /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(unit)
  const first = match?.[1] ?? ''
  const last = match?.[2] ?? ''
  if (!match || (first === '' && last === '')) return { kind: 'unsatisfiable' }
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes)
    return length === 0 ? { kind: 'unsatisfiable' } : { kind: 'part', start: sizeBytes - length, end: sizeBytes - 1 }
  }
  const start = Number(first)
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)
  return start >= sizeBytes || start > end ? { kind: 'unsatisfiable' } : { kind: 'part', start, end }
}

/** HTTP dates have no milliseconds. */
function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000
}
