// The whole window: look and language from the settings, then the shell. What happens before the first snapshot, or
// without one, is decided here.
import { MantineProvider } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { Notifications } from '@mantine/notifications'
import { useEffect, useLayoutEffect } from 'react'
import classes from './app.module.css'
import { ErrorBoundary } from './shell/error-boundary'
import { FailurePage } from './shell/failure-page'
import { LoadingShell } from './shell/loading-shell'
import { Shell } from './shell/shell'
import { cssVariables, theme } from './theme'
import { showError } from './use-call'
import { useBridge, useDesk } from './use-desk'
import { SpeechContext, speeches, systemSpeech } from './use-speech'

/** Read once: the browser hides the attribute, not the property. */
const styleNonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''

export function App() {
  const bridge = useBridge()
  const phase = useDesk((state) => state.phase)
  const failure = useDesk((state) => state.failure)
  const language = useDesk((state) => state.snapshot?.settings.resolvedLanguage)
  const chosenTheme = useDesk((state) => state.snapshot?.settings.theme ?? 'system')
  const systemIsDark = useMediaQuery('(prefers-color-scheme: dark)', undefined, { getInitialValueInEffect: false })
  const colorScheme = chosenTheme === 'system' ? (systemIsDark ? 'dark' : 'light') : chosenTheme
  const speech = language ? speeches[language] : systemSpeech()

  useLayoutEffect(() => {
    document.documentElement.lang = speech.language
    document.documentElement.style.colorScheme = colorScheme
    document.title = speech.words.appName
  }, [speech, colorScheme])

  useEffect(() => bridge.on('noticed', (error) => showError(speech, error)), [bridge, speech])

  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} forceColorScheme={colorScheme} getStyleNonce={() => styleNonce}>
      <SpeechContext value={speech}>
        <ErrorBoundary>
          {phase === 'loading' && <LoadingShell />}
          {phase === 'failed' && <FailurePage title={speech.words.failure.noSnapshot} error={failure} />}
          {phase === 'ready' && <Shell />}
        </ErrorBoundary>
        <Notifications position="bottom-right" limit={4} classNames={{ root: classes.toasts ?? '', notification: classes.toast ?? '' }} />
      </SpeechContext>
    </MantineProvider>
  )
}
