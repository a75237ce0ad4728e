// Each call of the bridge: check who asks, parse the arguments, call one function, reply. No logic of its own.
import { ipcMain, type IpcMainInvokeEvent } from 'electron'
import { bridgeCalls, type BridgeReplies, type BridgeResult } from '../src-shared/bridge-contract'
import { bridgeCallNames, bridgeChannel, type BridgeCall } from '../src-shared/bridge-names'
import { DeskError, toDeskError } from '../src-shared/errors'
import type { z } from 'zod'

export type BridgeHandlers = {
  readonly [C in BridgeCall]: (...args: z.output<(typeof bridgeCalls)[C]>) => BridgeReplies[C] | Promise<BridgeReplies[C]>
}

/** `isOurWindow` knows the one frame that may ask. Faults of ours go to `logFault`; the window gets their code. */
export function serveBridge(handlers: BridgeHandlers, isOurWindow: (event: IpcMainInvokeEvent) => boolean, logFault: (call: string, thrown: unknown) => void): void {
  const serve = <C extends BridgeCall>(name: C): void => {
    ipcMain.handle(bridgeChannel(name), async (event, ...args: unknown[]): Promise<BridgeResult<BridgeReplies[C]>> => {
      try {
        if (!isOurWindow(event)) throw new DeskError('not_now')
        const parsed = bridgeCalls[name].safeParse(args)
        if (!parsed.success) throw new DeskError('internal', { call: name }, parsed.error)
        const handler = handlers[name] as (...values: unknown[]) => BridgeReplies[C] | Promise<BridgeReplies[C]>
        return { ok: true, value: await handler(...(parsed.data as unknown[])) }
      } catch (thrown) {
        const error = toDeskError(thrown)
        if (error.code === 'internal') logFault(name, error.cause ?? thrown)
        return { ok: false, error: error.toData() }
      }
    })
  }
  for (const name of bridgeCallNames) serve(name)
}
