// A machine of UCloud's CompShare, over UCloud's API. What is relied on, from UCloud's public API documentation:
// the common parameters Action, PublicKey and Signature, and `RetCode`/`Message` of every reply; the signature
// (summary/signature.md); DescribeCompShareInstance (UHostIds.N; UHostSet[].UHostId and .State),
// StartCompShareInstance and StopCompShareInstance (Region, Zone, ProjectId, UHostId) (ucompshare-api/*.md).
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { PowerStatus } from '../../src-shared/power-contract'
import { limited, ProviderError, quoted, type CallLimits, type PowerProvider } from './provider'
import { postToProvider } from './provider-fetch'

export interface CompShareConfig {
  readonly url: string
  readonly publicKey: string
  readonly privateKey: string
  readonly region: string
  readonly zone: string
  /** '' for the default project. */
  readonly projectId: string
  readonly hostId: string
}

/** contract.md §5; the API has more words (Install Fail, Rebooting, Resizing, none at all). */
const states: Readonly<Record<string, PowerStatus>> = {
  Running: 'running',
  Stopped: 'stopped',
  Starting: 'starting',
  Initializing: 'starting',
  Stopping: 'stopping',
}

const replySchema = z.looseObject({ RetCode: z.coerce.number(), Message: z.string().default('') })
const describedSchema = z.object({
  UHostSet: z.array(z.object({ UHostId: z.string().default(''), State: z.string().default('') })).default([]),
})

/**
 * All parameters but the signature itself, sorted by name, each name followed by its value, nothing between them and
 * nothing escaped, then the private key; of that the SHA-1, in hex.
 */
export function signatureOf(parameters: Readonly<Record<string, string>>, privateKey: string): string {
  const names = Object.keys(parameters).sort()
  const text = names.map((name) => `${name}${parameters[name] ?? ''}`).join('')
  return createHash('sha1').update(`${text}${privateKey}`).digest('hex')
}

export class CompShareProvider implements PowerProvider {
  constructor(
    private readonly config: CompShareConfig,
    private readonly limits: CallLimits,
  ) {}

  async state(signal: AbortSignal): Promise<PowerStatus> {
    const { hostId } = this.config
    const reply = describedSchema.safeParse(
      await this.call('DescribeCompShareInstance', { 'UHostIds.0': hostId }, this.limits.stateMs, signal),
    )
    const host = reply.data?.UHostSet.find((one) => one.UHostId === hostId)
    if (!host) throw new ProviderError('bad_reply', 'the API does not list the machine: is it in this region, zone and project?')
    return states[host.State] ?? 'unknown'
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.call('StartCompShareInstance', { UHostId: this.config.hostId }, this.limits.startMs, signal)
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.call('StopCompShareInstance', { UHostId: this.config.hostId }, this.limits.stopMs, signal)
  }

  private call(action: string, more: Readonly<Record<string, string>>, limitMs: number, signal: AbortSignal): Promise<unknown> {
    const { url, publicKey, privateKey, region, zone, projectId } = this.config
    const parameters = {
      ...{ Action: action, PublicKey: publicKey, Region: region, Zone: zone },
      ...(projectId !== '' && { ProjectId: projectId }),
      ...more,
    }
    const Signature = signatureOf(parameters, privateKey)
    const body = new URLSearchParams({ ...parameters, Signature }).toString()
    return limited(limitMs, signal, async (within) => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const { status, json } = await postToProvider(url, headers, body, within)
      const reply = replySchema.safeParse(json)
      if (!reply.success) throw new ProviderError('bad_reply', `the API answered ${action} with ${String(status)} and no return code`)
      const { RetCode, Message } = reply.data
      if (RetCode === 0) return reply.data
      const words = quoted(Message, [privateKey, publicKey, Signature])
      throw new ProviderError('refused', `the API refused ${action}: ${words || 'no reason given'} (${String(RetCode)})`)
    })
  }
}
