import { describe, expect, it } from 'vitest'
import { MalformedMultipart, multipartBoundary, MultipartParser } from './multipart'

interface ReadPart {
  readonly name: string
  readonly filename: string | undefined
  readonly text: string
}

function parse(body: string, chunkBytes: number, boundary = 'B0'): { parts: ReadPart[]; finished: boolean } {
  const parts: ReadPart[] = []
  let current: { name: string; filename: string | undefined; pieces: Buffer[] } | undefined
  const parser = new MultipartParser(boundary, {
    begin: (headers) => {
      current = { ...headers, pieces: [] }
    },
    data: (bytes) => current?.pieces.push(Buffer.from(bytes)),
    end: () => {
      const { name, filename, pieces } = current!
      parts.push({ name, filename, text: Buffer.concat(pieces).toString('latin1') })
    },
  })
  const bytes = Buffer.from(body, 'latin1')
  for (let at = 0; at < bytes.length; at += chunkBytes) parser.push(bytes.subarray(at, at + chunkBytes))
  return { parts, finished: parser.finished }
}

const file = (content: string, name = 'file; filename="a.mp4"'): string =>
  `--B0\r\nContent-Disposition: form-data; name=${name}\r\nContent-Type: video/mp4\r\n\r\n${content}\r\n`
const field = (name: string, value: string): string =>
  `--B0\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`

describe('MultipartParser', () => {
  // Everything that looks like a boundary and is none.
  const nasty = '\r\n--B\r\n--B1\r\r\n\r\n-\0\xff--B0\r\n\r\n--'

  it.each([1, 2, 3, 7, 1000])('reads the same parts from chunks of %i bytes', (chunkBytes) => {
    const body = `${field('hash', 'abc')}${file(nasty)}${field('ext', '.mp4')}--B0--\r\n`
    expect(parse(body, chunkBytes)).toEqual({
      finished: true,
      parts: [
        { name: 'hash', filename: undefined, text: 'abc' },
        { name: 'file', filename: 'a.mp4', text: nasty },
        { name: 'ext', filename: undefined, text: '.mp4' },
      ],
    })
  })

  it.each([1, 1000])('reads an empty file from chunks of %i bytes', (chunkBytes) => {
    expect(parse(`${file('')}--B0--`, chunkBytes).parts).toEqual([{ name: 'file', filename: 'a.mp4', text: '' }])
  })

  it('skips a preamble and an epilogue', () => {
    expect(parse(`hello\r\n${field('a', '1')}--B0--\r\nbye --B0`, 5).parts.map((part) => part.name)).toEqual(['a'])
  })

  it('is not finished when the end is missing', () => {
    expect(parse(file('cut of'), 4).finished).toBe(false)
  })

  it('reads names without quotes and with escaped ones', () => {
    const body = `${field('a', '1').replace('"a"', 'a')}${file('x', '"file"; filename="a\\"b.mp4"')}--B0--`
    expect(parse(body, 9).parts).toMatchObject([{ name: 'a' }, { name: 'file', filename: 'a"b.mp4' }])
  })

  it.each([
    ['a part without a name', '--B0\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B0--'],
    ['a part without headers', '--B0\r\n\r\nx\r\n--B0--'],
    ['endless headers', `--B0\r\n${'x'.repeat(20_000)}`],
    ['too many parts', field('a', '1').repeat(40)],
  ])('refuses %s', (_what, body) => {
    expect(() => parse(body, 500)).toThrow(MalformedMultipart)
  })
})

describe('multipartBoundary', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['multipart/form-data; charset=utf-8; boundary="a b"', 'a b'],
    ['Multipart/Form-Data;boundary=----x', '----x'],
    ['application/json', undefined],
    ['multipart/form-data', undefined],
    [undefined, undefined],
  ])('%s', (contentType, boundary) => {
    expect(multipartBoundary(contentType)).toBe(boundary)
  })
})
