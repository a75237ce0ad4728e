// The slim line at the foot: which service renders, where results go, and whether this is a stand-in runtime.
import { Tooltip, UnstyledButton } from '@mantine/core'
import { IconAlertTriangle, IconFolder } from '@tabler/icons-react'
import { useCall } from '../use-call'
import { useRuntime, useService, useSettings } from '../use-desk'
import { useSpeech } from '../use-speech'
import classes from './status-line.module.css'
import { serverHosts } from './server-hosts'

export function StatusLine() {
  const { words } = useSpeech()
  const settings = useSettings()
  const runtime = useRuntime()
  const call = useCall()
  return (
    <footer className={classes.line} aria-label={words.status.label}>
      <ServiceStatus />
      <div className={classes.group}>
        {runtime.isFallback && (
          <Tooltip label={words.status.fallbackHint} multiline w={280}>
            <span className={classes.fallback}>
              <IconAlertTriangle size={13} aria-hidden />
              {words.status.fallback(runtime.electronVersion)}
            </span>
          </Tooltip>
        )}
        <UnstyledButton className={classes.folder} title={settings.outputDirShown} onClick={() => void call((desk) => desk.openOutputFolder())}>
          <IconFolder size={13} aria-hidden />
          <span>{words.status.saveTo(settings.outputDirShown)}</span>
        </UnstyledButton>
      </div>
    </footer>
  )
}

function ServiceStatus() {
  const { words, describe } = useSpeech()
  const service = useService()
  const settings = useSettings()
  const call = useCall()
  const text = (): string => {
    switch (service.kind) {
      case 'off':
        return words.status.servers(serverHosts(settings))
      case 'starting':
        return words.status.starting
      case 'running':
        return words.status.running(words.status.engines[service.engine] ?? service.engine)
      case 'failed':
        return describe(service.error).title
    }
  }
  return (
    <div className={classes.group} role="status" data-testid="service-status" data-state={service.kind}>
      <span className={classes.dot} data-state={service.kind} aria-hidden />
      <span className={classes.text} title={service.kind === 'failed' ? describe(service.error).todo : undefined}>
        {text()}
      </span>
      {service.kind === 'failed' && (
        <UnstyledButton className={classes.restart} onClick={() => void call((desk) => desk.restartService())}>
          {words.status.restart}
        </UnstyledButton>
      )}
    </div>
  )
}
