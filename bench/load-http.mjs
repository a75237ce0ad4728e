// One client's requests: Node's own HTTP with connections that stay open, so that the figures are the servers'.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { basename } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const agent = new Agent({ keepAlive: true })

/** Rejects when there is no answer, or one that is not JSON. */
export function ask(base, method, path, key, body, headers = {}) {
  const isBytes = Buffer.isBuffer(body)
  const sent = body === undefined || isBytes ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const asking = request(
      base + path,
      {
        agent,
        method,
        headers: {
          Authorization: `Bearer ${key}`,
          'X-Machine-Code': 'LOAD',
          ...(sent !== undefined && { 'Content-Length': Buffer.byteLength(sent) }),
          ...(sent !== undefined && !isBytes && { 'Content-Type': 'application/json' }),
          ...headers,
        },
      },
      (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          try {
            resolve({ status: response.statusCode, json: JSON.parse(Buffer.concat(chunks).toString('utf8')) })
          } catch (error) {
            reject(error)
          }
        })
      },
    )
    asking.on('error', reject)
    asking.end(sent)
  })
}

/** Clients ask again where they got no answer, and where nothing was accepted. */
export async function keepAsking(once, tries = 20) {
  for (let left = tries; ; left--) {
    const reply = await once().catch((error) => {
      if (left <= 1) throw error
      return undefined
    })
    if (reply && reply.json.reason !== 'store_unavailable') return reply
    await pause(200)
  }
}

export async function sendFile(base, key, { path, md5, ext }) {
  const boundary = 'a-file-of-the-load-run'
  const part = (name, value) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const head = `${part('hash', md5)}${part('ext', ext)}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${basename(path)}"\r\n\r\n`
  const body = Buffer.concat([Buffer.from(head), readFileSync(path), Buffer.from(`\r\n--${boundary}--\r\n`)])
  const reply = await ask(base, 'POST', '/api/heygem/upload_file', key, body, { 'Content-Type': `multipart/form-data; boundary=${boundary}` })
  if (reply.json.code !== 0) throw new Error(`upload refused: ${JSON.stringify(reply.json)}`)
}
