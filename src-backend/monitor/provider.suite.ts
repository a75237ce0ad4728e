// What every provider must do, whatever is behind it: a stand-in that is slow, fails and lies.
import { afterEach, describe, expect, it } from 'vitest'
import type { PowerStatus } from '../../src-shared/power-contract'
import { ProviderError, type CallLimits, type PowerProvider } from './provider'

export type Action = 'state' | 'start' | 'stop'

/** How the stand-in takes a call. `garble`: an answer that means nothing. `lie`: taken, and nothing is done. */
export type Behaviour = 'well' | 'hang' | 'fail' | 'garble' | 'lie'

export interface StandIn {
  readonly provider: PowerProvider
  behave(action: Action, how: Behaviour): Promise<void>
  /** What must be in no error. */
  readonly secrets: readonly string[]
  close(): Promise<void>
}

export interface ProviderSuite {
  readonly name: string
  readonly open: (limits: CallLimits) => Promise<StandIn>
  /** What does not happen to this provider, and why: those tests would ask nothing of it. */
  readonly never?: Partial<Record<`${Action} ${Behaviour}`, string>>
}

/** In the stand-in's reason for a refusal. */
export const refusalWords = 'no power today'

const patient: CallLimits = { stateMs: 15_000, startMs: 15_000, stopMs: 15_000 }
const hasty: CallLimits = { stateMs: 150, startMs: 150, stopMs: 150 }

export function describeProvider({ name, open, never: impossible = {} }: ProviderSuite): void {
  describe(`the ${name} provider`, () => {
    let standIn: StandIn
    const use = async (limits: CallLimits, behaviour: Partial<Record<Action, Behaviour>> = {}): Promise<PowerProvider> => {
      standIn = await open(limits)
      for (const [action, how] of Object.entries(behaviour)) await standIn.behave(action as Action, how)
      return standIn.provider
    }
    const never = new AbortController().signal
    const until = async (provider: PowerProvider, status: PowerStatus): Promise<void> => {
      while ((await provider.state(never)) !== status) await new Promise(setImmediate)
    }
    const failureOf = async (work: Promise<unknown>): Promise<ProviderError> => {
      const error: unknown = await work.then(() => undefined).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ProviderError)
      const failure = error as ProviderError
      const said = [failure.message, failure.stack, JSON.stringify(failure), String(failure.cause)].join('\n')
      for (const secret of standIn.secrets) expect(said).not.toContain(secret)
      return failure
    }
    const test = (what: string, needs: readonly `${Action} ${Behaviour}`[], body: () => Promise<void>): void => {
      if (!needs.some((need) => need in impossible)) it(what, body)
    }
    afterEach(() => standIn.close())

    test('starts the machine, says how it is, and stops it', [], async () => {
      const provider = await use(patient)
      expect(await provider.state(never)).toBe('stopped')
      await provider.start(never)
      await until(provider, 'running')
      await provider.stop(never)
      await until(provider, 'stopped')
    })

    for (const action of ['start', 'stop', 'state'] as const) {
      test(`says why it was refused: ${action}`, [`${action} fail`], async () => {
        const provider = await use(patient, { [action]: 'fail' })
        const failure = await failureOf(provider[action](never))
        expect(failure).toMatchObject({ kind: 'refused', message: expect.stringContaining(refusalWords) as unknown })
      })

      test(`ends a call that gets no answer: ${action}`, [`${action} hang`], async () => {
        const provider = await use(hasty, { [action]: 'hang' })
        expect(['timeout', 'refused']).toContain((await failureOf(provider[action](never))).kind)
      })

      test(`ends with its signal: ${action}`, [`${action} hang`], async () => {
        const provider = await use(patient, { [action]: 'hang' })
        const stopping = new AbortController()
        const call = provider[action](stopping.signal)
        const reason = new Error('the monitor stops')
        stopping.abort(reason)
        await expect(call).rejects.toBe(reason)
        await expect(provider[action](stopping.signal)).rejects.toBe(reason)
      })
    }

    test('takes no word for a state that is none', ['state garble'], async () => {
      const provider = await use(patient, { state: 'garble' })
      const word = await provider.state(never).catch((error: unknown) => (error as ProviderError).kind)
      expect(['unknown', 'bad_reply']).toContain(word)
    })

    test('believes no call, only the machine', ['start lie'], async () => {
      const provider = await use(patient, { start: 'lie' })
      await provider.start(never)
      expect(await provider.state(never)).toBe('stopped')
    })

    test('can be asked again after a failure', ['start fail'], async () => {
      const provider = await use(patient, { start: 'fail' })
      await failureOf(provider.start(never))
      expect(await provider.state(never)).toBe('stopped')
      await standIn.behave('start', 'well')
      await provider.start(never)
      await until(provider, 'running')
    })
  })
}
