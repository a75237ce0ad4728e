// Asking a server of a test over real HTTP.
export interface TestReply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** As it came; undefined when it is not JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a wrong shape fails the test that looks at it
  readonly json: any
}

/** Objects are sent as JSON, text as it is. */
export async function askServer(
  method: string,
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<TestReply> {
  const asIs = typeof body === 'string' || body instanceof FormData
  const sent = body === undefined ? null : asIs ? body : JSON.stringify(body)
  const response = await fetch(url, { method, body: sent, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: safeJson(text) }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
