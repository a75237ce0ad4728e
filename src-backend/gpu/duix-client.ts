// Speaks the face2face service's two calls and turns its answers into a few plain cases. It labels JSON as HTML, answers
// errors with HTTP 200 and crashes with pages; none of that goes further than this file.
import { z } from 'zod'
import { reasonOf } from '../log'

/** No answer, or none that can be read: nothing is known of what the service did. */
export class DuixUnreachable extends Error {}

export interface DuixOrder {
  /** `[A-Za-z0-9-]`; also names the result. */
  readonly code: string
  /** As the service wants them: a name, a path of its own, or an address. */
  readonly audio: string
  readonly video: string
}

export type SubmitAnswer =
  | { readonly kind: 'accepted' }
  /** One job at a time; not an error. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'field-missing'; readonly message: string }
  | { readonly kind: 'lock-failed'; readonly message: string }
  | { readonly kind: 'internal'; readonly message: string }
  /** A code of a fork: ask whether it took the job. */
  | { readonly kind: 'unclear'; readonly message: string }

/** The service forgets a job as soon as it has answered `done` or `failed` once. */
export type QueryAnswer =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'running'; readonly percent: number; readonly message: string }
  | { readonly kind: 'done'; readonly result: string }
  | { readonly kind: 'failed'; readonly message: string }

/** Numbers come as texts, texts as numbers, and either may be null. */
const looseText = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => (value === null || value === undefined ? '' : String(value)))
const replySchema = z.object({ code: z.coerce.number(), msg: looseText, data: z.unknown() })
const jobSchema = z.object({
  status: z.coerce.number(),
  progress: z.coerce.number().catch(0),
  result: looseText,
  msg: looseText,
})

export class DuixClient {
  constructor(
    private readonly baseUrl: string,
    /** It answers slowly while it renders. */
    private readonly requestMs: number,
  ) {}

  async submit(order: DuixOrder, signal: AbortSignal): Promise<SubmitAnswer> {
    const body = {
      ...{ audio_url: order.audio, video_url: order.video, code: order.code },
      // No upscaling, no watermark, no signature; the video goes back and forth when the audio is longer.
      ...{ chaofen: 0, watermark_switch: 0, digital_auth: 0, pn: 1 },
    }
    const { code, msg } = await this.ask('/easy/submit', signal, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    switch (code) {
      case 10000:
        return { kind: 'accepted' }
      case 10001:
        return { kind: 'busy' }
      case 10002:
        return { kind: 'field-missing', message: msg }
      case 10003:
        return { kind: 'lock-failed', message: msg }
      case 9999:
        return { kind: 'internal', message: msg }
      default:
        return { kind: 'unclear', message: `${String(code)} ${msg}`.trim() }
    }
  }

  async query(code: string, signal: AbortSignal): Promise<QueryAnswer> {
    const reply = await this.ask(`/easy/query?${new URLSearchParams({ code }).toString()}`, signal)
    if (reply.code === 10004) return { kind: 'unknown' }
    const job = jobSchema.safeParse(reply.data)
    if (reply.code !== 10000 || !job.success) throw new DuixUnreachable(`an answer nobody knows: ${String(reply.code)} ${reply.msg}`)
    const { status, progress, result, msg } = job.data
    if (status === 2) return { kind: 'done', result }
    if (status === 3) return { kind: 'failed', message: msg || reply.msg }
    return { kind: 'running', percent: Math.max(0, Math.min(100, progress)), message: msg }
  }

  private async ask(path: string, signal: AbortSignal, init: RequestInit = {}): Promise<z.infer<typeof replySchema>> {
    try {
      const response = await fetch(this.baseUrl + path, {
        ...init,
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.requestMs)]),
      })
      return replySchema.parse(JSON.parse(await response.text()))
    } catch (error) {
      signal.throwIfAborted()
      throw new DuixUnreachable(`the engine does not answer: ${reasonOf(error)}`, { cause: error })
    }
  }
}
