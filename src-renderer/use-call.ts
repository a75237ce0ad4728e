// Calls to the main process: a failure becomes a toast in the person's language, never raw text.
import { notifications } from '@mantine/notifications'
import { createElement, useCallback } from 'react'
import type { BridgeResult, DeskBridge } from '../src-shared/bridge-contract'
import type { DeskErrorData } from '../src-shared/errors'
import { ErrorToast } from './parts/error-toast'
import { useBridge } from './use-desk'
import { useSpeech, type Speech } from './use-speech'

export function showError(speech: Speech, error: DeskErrorData): void {
  const { title } = speech.describe(error)
  notifications.show({
    // The same trouble twice is one toast.
    id: `${error.code} ${title}`,
    color: 'red',
    title,
    message: createElement(ErrorToast, { text: speech.describe(error) }),
    autoClose: 10_000,
    closeButtonProps: { 'aria-label': speech.words.common.close },
  })
}

export type Call = <T>(ask: (bridge: DeskBridge) => Promise<BridgeResult<T>>) => Promise<T | undefined>

/** Undefined when the call failed; the person has been told. */
export function useCall(): Call {
  const bridge = useBridge()
  const speech = useSpeech()
  return useCallback(
    async (ask) => {
      const reply = await ask(bridge).catch((): { ok: false; error: DeskErrorData } => ({
        ok: false,
        error: { code: 'internal', detail: {} },
      }))
      if (reply.ok) return reply.value
      showError(speech, reply.error)
      return undefined
    },
    [bridge, speech],
  )
}
