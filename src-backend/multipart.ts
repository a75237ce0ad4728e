// A multipart/form-data parser for large uploads: it is given chunks and calls back with slices of them, without copies.
// Bytes are searched with Buffer.indexOf, which is native; a parser that steps through them in JavaScript is the slower
// part of an upload of gigabytes.

export class MalformedMultipart extends Error {}

export interface PartHeaders {
  readonly name: string
  readonly filename: string | undefined
}

export interface PartSink {
  begin(headers: PartHeaders): void
  data(bytes: Buffer): void
  end(): void
}

const headerLimitBytes = 16 * 1024
const partLimit = 32

/** The boundary of a multipart Content-Type, undefined when it is another type. */
export function multipartBoundary(contentType: string | undefined): string | undefined {
  const match = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType ?? '')
  return match?.[1] ?? match?.[2]
}

type State = 'preamble' | 'after-boundary' | 'headers' | 'body' | 'finished'

export class MultipartParser {
  // The stream is read as if a line break came before it, so that the first boundary looks like the others.
  private held: Buffer = Buffer.from('\r\n')
  private state: State = 'preamble'
  private parts = 0
  private readonly delimiter: Buffer

  constructor(
    boundary: string,
    private readonly sink: PartSink,
  ) {
    this.delimiter = Buffer.from(`\r\n--${boundary}`)
  }

  get finished(): boolean {
    return this.state === 'finished'
  }

  push(chunk: Buffer): void {
    let rest = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk])
    this.held = Buffer.alloc(0)
    for (;;) {
      const next = this.step(rest)
      if (next === undefined) return
      rest = next
    }
  }

  /** Takes what it can from the front; undefined when it waits for more bytes. */
  private step(rest: Buffer): Buffer | undefined {
    switch (this.state) {
      case 'preamble':
      case 'body':
        return this.readToBoundary(rest)
      case 'after-boundary':
        return this.readAfterBoundary(rest)
      case 'headers':
        return this.readHeaders(rest)
      case 'finished':
        return undefined
    }
  }

  private readToBoundary(rest: Buffer): Buffer | undefined {
    const at = rest.indexOf(this.delimiter)
    const inBody = this.state === 'body'
    if (at < 0) {
      const keepFrom = this.possibleBoundaryStart(rest)
      if (inBody && keepFrom > 0) this.sink.data(rest.subarray(0, keepFrom))
      this.hold(rest.subarray(keepFrom))
      return undefined
    }
    if (inBody) {
      if (at > 0) this.sink.data(rest.subarray(0, at))
      this.sink.end()
    }
    this.state = 'after-boundary'
    return rest.subarray(at + this.delimiter.length)
  }

  /** Where the end of these bytes could be the start of a boundary; their length when it cannot. */
  private possibleBoundaryStart(rest: Buffer): number {
    let from = Math.max(0, rest.length - this.delimiter.length + 1)
    for (;;) {
      const at = rest.indexOf(0x0d, from)
      if (at < 0) return rest.length
      if (rest.compare(this.delimiter, 0, rest.length - at, at, rest.length) === 0) return at
      from = at + 1
    }
  }

  private readAfterBoundary(rest: Buffer): Buffer | undefined {
    if (rest.length < 2) return this.hold(rest)
    if (rest[0] === 0x2d && rest[1] === 0x2d) {
      this.state = 'finished'
      return undefined
    }
    const lineEnd = rest.indexOf('\r\n')
    if (lineEnd < 0) {
      if (rest.length > headerLimitBytes) throw new MalformedMultipart('no line break after a boundary')
      return this.hold(rest)
    }
    this.parts += 1
    if (this.parts > partLimit) throw new MalformedMultipart('too many parts')
    this.state = 'headers'
    // The line break stays: headers end at an empty line even where there are none.
    return rest.subarray(lineEnd)
  }

  private readHeaders(rest: Buffer): Buffer | undefined {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) {
      if (rest.length > headerLimitBytes) throw new MalformedMultipart('part headers are too long')
      return this.hold(rest)
    }
    this.sink.begin(parsePartHeaders(rest.toString('utf8', 0, end)))
    this.state = 'body'
    return rest.subarray(end + 4)
  }

  private hold(rest: Buffer): undefined {
    this.held = rest
    return undefined
  }
}

function parsePartHeaders(text: string): PartHeaders {
  const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(text)?.[1]
  if (disposition === undefined) throw new MalformedMultipart('a part has no Content-Disposition')
  const name = parameter(disposition, 'name')
  if (name === undefined) throw new MalformedMultipart('a part has no name')
  return { name, filename: parameter(disposition, 'filename') }
}

function parameter(disposition: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|;)\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, 'i').exec(disposition)
  return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2]
}
