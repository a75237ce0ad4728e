// One exchange with a provider that speaks HTTP: a POST, and JSON back. Never follows a redirect, since a secret would go
// with it, and never says the address, since there may be a secret in it.
import { reasonOf } from '../log'
import { ProviderError } from './provider'

export interface ProviderReply {
  readonly status: number
  /** Undefined when it was not JSON. */
  readonly json: unknown
}

const replyLimitBytes = 256 * 1024

/** Rejects with ProviderError `unreachable` or `bad_reply`, or with the signal's reason. */
export async function postToProvider(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<ProviderReply> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' })
    text = await readLimited(response)
  } catch (error) {
    if (error instanceof ProviderError) throw error
    signal.throwIfAborted()
    throw new ProviderError('unreachable', `the provider cannot be reached: ${causeOf(error)}`)
  }
  try {
    return { status: response.status, json: JSON.parse(text) as unknown }
  } catch {
    return { status: response.status, json: undefined }
  }
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length
    if (bytes > replyLimitBytes) throw new ProviderError('bad_reply', 'the reply is too long')
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** fetch says "fetch failed" and keeps the reason below; of that, only the code says nothing about the address. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return (cause as NodeJS.ErrnoException).code ?? (cause instanceof Error ? cause.name : reasonOf(cause))
}
