import { describe, expect, it } from 'vitest'
import { answerFor, type ByteAnswer, type ConditionalHeaders } from './byte-range'

const version = { sizeBytes: 100, etag: '"v1"', modifiedAt: new Date('2026-03-04T05:06:07.890Z') }
const date = 'Wed, 04 Mar 2026 05:06:07 GMT'
const earlier = 'Wed, 04 Mar 2026 05:06:06 GMT'
const none = { range: undefined, ifRange: undefined, ifNoneMatch: undefined, ifModifiedSince: undefined }
const part = (start: number, end: number): ByteAnswer => ({ kind: 'part', start, end })

describe('answerFor', () => {
  it.each<[Partial<ConditionalHeaders>, ByteAnswer]>([
    [{}, { kind: 'whole' }],
    [{ range: 'bytes=0-9' }, part(0, 9)],
    [{ range: 'bytes=90-' }, part(90, 99)],
    [{ range: 'bytes=90-500' }, part(90, 99)],
    [{ range: 'bytes=-10' }, part(90, 99)],
    [{ range: 'bytes=-500' }, part(0, 99)],
    [{ range: ' Bytes = 5 - 6 ' }, part(5, 6)],
    [{ range: 'bytes=100-' }, { kind: 'unsatisfiable' }],
    [{ range: 'bytes=-0' }, { kind: 'unsatisfiable' }],
    [{ range: 'bytes=9-5' }, { kind: 'unsatisfiable' }],
    [{ range: 'bytes=0-1,4-5' }, { kind: 'unsatisfiable' }],
    [{ range: 'bytes=-' }, { kind: 'unsatisfiable' }],
    [{ range: 'bytes=a-b' }, { kind: 'unsatisfiable' }],
    [{ range: 'rows=1-2' }, { kind: 'whole' }],
    [{ range: 'bytes=5-', ifRange: '"v1"' }, part(5, 99)],
    [{ range: 'bytes=5-', ifRange: '"v2"' }, { kind: 'whole' }],
    [{ range: 'bytes=5-', ifRange: 'W/"v1"' }, { kind: 'whole' }],
    [{ range: 'bytes=5-', ifRange: date }, part(5, 99)],
    [{ range: 'bytes=5-', ifRange: earlier }, { kind: 'whole' }],
    [{ range: 'bytes=5-', ifRange: 'nonsense' }, { kind: 'whole' }],
    [{ range: 'bytes=200-', ifRange: '"v2"' }, { kind: 'whole' }],
    [{ ifNoneMatch: '"v1"' }, { kind: 'not-modified' }],
    [{ ifNoneMatch: '"v0", W/"v1"' }, { kind: 'not-modified' }],
    [{ ifNoneMatch: '*' }, { kind: 'not-modified' }],
    [{ ifNoneMatch: '"v2"', ifModifiedSince: date }, { kind: 'whole' }],
    [{ ifModifiedSince: date }, { kind: 'not-modified' }],
    [{ ifModifiedSince: earlier }, { kind: 'whole' }],
    [{ ifModifiedSince: 'nonsense' }, { kind: 'whole' }],
  ])('%j', (headers, answer) => {
    expect(answerFor({ ...none, ...headers }, version)).toEqual(answer)
  })
})
