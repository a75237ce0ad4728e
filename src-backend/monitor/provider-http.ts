// A webhook that powers the machine: `POST {"action": "state" | "start" | "stop"}` with a bearer secret; it answers
// `{"state": "stopped" | "starting" | "running" | "stopping" | "unknown"}`, which start and stop may leave out. A failure
// is any status but 2xx; its `msg` is shown.
import { z } from 'zod'
import { powerStatusSchema, type PowerStatus } from '../../src-shared/power-contract'
import { limited, ProviderError, quoted, type CallLimits, type PowerProvider } from './provider'
import { postToProvider } from './provider-fetch'

export interface HttpProviderConfig {
  readonly url: string
  /** '' for none. */
  readonly secret: string
}

const stateReplySchema = z.object({ state: z.string().toLowerCase().trim().pipe(powerStatusSchema) })
const failureSchema = z.object({ msg: z.string() })

export class HttpProvider implements PowerProvider {
  constructor(
    private readonly config: HttpProviderConfig,
    private readonly limits: CallLimits,
  ) {}

  async state(signal: AbortSignal): Promise<PowerStatus> {
    const reply = stateReplySchema.safeParse(await this.call('state', this.limits.stateMs, signal))
    if (!reply.success) throw new ProviderError('bad_reply', 'the webhook answered without a known state')
    return reply.data.state
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.call('start', this.limits.startMs, signal)
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.call('stop', this.limits.stopMs, signal)
  }

  private call(action: 'state' | 'start' | 'stop', limitMs: number, signal: AbortSignal): Promise<unknown> {
    const { url, secret } = this.config
    const headers = { 'Content-Type': 'application/json', ...(secret !== '' && { Authorization: `Bearer ${secret}` }) }
    return limited(limitMs, signal, async (within) => {
      const { status, json } = await postToProvider(url, headers, JSON.stringify({ action }), within)
      if (status >= 200 && status < 300) return json
      const said = failureSchema.safeParse(json)
      const words = said.success ? `: ${quoted(said.data.msg, [secret])}` : ''
      throw new ProviderError('refused', `the webhook answered ${action} with ${String(status)}${words}`)
    })
  }
}
