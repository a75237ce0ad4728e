// The app's own schemes: `desk-app` serves the built window with a strict Content-Security-Policy, `desk-media` plays
// files of this desk by token, with ranges. Nothing else can be read through them.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { Readable } from 'node:stream'
import { protocol } from 'electron'

export const appUrl = 'desk-app://desk/index.html'
export const appOrigin = 'desk-app://desk'
export const mediaUrlOf = (token: string): string => `desk-media://file/${encodeURIComponent(token)}`

const noncePlaceholder = '__CSP_NONCE__'

const mimeTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.mp4': 'video/mp4',
  '.m4v': 'video/mp4',
  '.mov': 'video/mp4',
  '.webm': 'video/webm',
  '.mkv': 'video/x-matroska',
  '.wav': 'audio/wav',
  '.mp3': 'audio/mpeg',
  '.m4a': 'audio/mp4',
  '.aac': 'audio/aac',
  '.ogg': 'audio/ogg',
  '.opus': 'audio/ogg',
  '.flac': 'audio/flac',
}

/** Before the app is ready. */
export function registerSchemes(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'desk-app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
    { scheme: 'desk-media', privileges: { standard: true, secure: true, stream: true } },
  ])
}

/** `styles by nonce`: Mantine puts its variables into a style element. Scripts come from the app's own files only. */
export const contentSecurityPolicy = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob: desk-media:",
    'media-src desk-media: blob:',
    "font-src 'self' data:",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

export function serveApp(rendererDir: string): void {
  protocol.handle('desk-app', async (request) => {
    const { host, pathname } = new URL(request.url)
    const path = normalize(join(rendererDir, decodeURIComponent(pathname)))
    if (host !== 'desk' || request.method !== 'GET' || !path.startsWith(rendererDir + sep)) return new Response(null, { status: 404 })
    const type = mimeTypes[extname(path)]
    const content = await readFile(path).catch(() => null)
    if (content === null || type === undefined) return new Response(null, { status: 404 })
    const headers: Record<string, string> = { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' }
    if (extname(path) !== '.html') return new Response(content, { headers })
    const nonce = randomBytes(16).toString('base64')
    headers['Content-Security-Policy'] = contentSecurityPolicy(nonce)
    return new Response(content.toString('utf8').replaceAll(noncePlaceholder, nonce), { headers })
  })
}

export function serveMedia(pathOfToken: (token: string) => string | null): void {
  protocol.handle('desk-media', async (request) => {
    const { host, pathname } = new URL(request.url)
    const path = host === 'file' ? pathOfToken(decodeURIComponent(pathname.slice(1))) : null
    const found = path === null ? null : await stat(path).catch(() => null)
    if (path === null || !found?.isFile()) return new Response(null, { status: 404 })
    const headers: Record<string, string> = {
      'Content-Type': mimeTypes[extname(path).toLowerCase()] ?? 'application/octet-stream',
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'no-store',
    }
    const range = parseRange(request.headers.get('Range'), found.size)
    if (range === 'unsatisfiable') return new Response(null, { status: 416, headers: { ...headers, 'Content-Range': `bytes */${found.size}` } })
    const { start, end } = range ?? { start: 0, end: found.size - 1 }
    headers['Content-Length'] = String(end - start + 1)
    if (range !== null) headers['Content-Range'] = `bytes ${start}-${end}/${found.size}`
    return new Response(readPart(path, start, end), { status: range === null ? 200 : 206, headers })
  })
}

/** First and last byte of a single range; null for the whole file. */
export function parseRange(header: string | null, size: number): { readonly start: number; readonly end: number } | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return null
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(size - 1, Number(last))
  return start > end || start >= size ? 'unsatisfiable' : { start, end }
}

function readPart(path: string, start: number, end: number): ReadableStream<Uint8Array> | null {
  if (end < start) return null
  return Readable.toWeb(createReadStream(path, { start, end, highWaterMark: 256 * 1024 })) as ReadableStream<Uint8Array>
}
