// New: two slots, what will come of them, and one button. Reads nothing itself; every fact comes with the picked file.
import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconKey, IconSparkles } from '@tabler/icons-react'
import { Notice } from '../parts/notice'
import { ScreenFrame } from '../parts/screen-frame'
import type { Screen } from '../shell/screens'
import { useCall } from '../use-call'
import { useDesk, useService, useSettings } from '../use-desk'
import { useSpeech } from '../use-speech'
import { FirstSteps } from './first-steps'
import classes from './new-job-screen.module.css'
import { SlotPanel } from './slot-panel'
import { StartBar } from './start-bar'
import type { NewJob } from './use-new-job'

interface NewJobScreenProps {
  readonly newJob: NewJob
  readonly open: (screen: Screen) => void
}

export function NewJobScreen({ newJob, open }: NewJobScreenProps) {
  const { words } = useSpeech()
  const { video, audio } = newJob.slots
  const hasJobs = useDesk((state) => state.jobs.size > 0)
  const isFirstRun = !hasJobs && video.kind === 'empty' && audio.kind === 'empty'

  const start = async (): Promise<void> => {
    const job = await newJob.start()
    if (!job) return
    notifications.show({ title: words.newJob.started, message: job.name, color: 'teal' })
    open('queue')
  }

  return (
    <ScreenFrame
      title={words.newJob.title}
      actions={
        !isFirstRun && (
          <Button variant="subtle" color="gray" leftSection={<IconSparkles size={15} aria-hidden />} onClick={() => void newJob.takeSamples()} data-testid="use-samples">
            {words.newJob.steps.samples}
          </Button>
        )
      }
    >
      <div className={classes.scroll}>
        <div className={classes.page}>
          <LicenseBanner open={open} />
          <ServiceBanner />
          {isFirstRun && <FirstSteps onSamples={() => void newJob.takeSamples()} />}
          <div className={classes.slots}>
            <SlotPanel role="video" newJob={newJob} />
            <SlotPanel role="audio" newJob={newJob} />
          </div>
        </div>
      </div>
      <StartBar newJob={newJob} onStart={() => void start()} />
    </ScreenFrame>
  )
}

/** Servers that are protected by a shared secret instead of a license are left in peace. */
function LicenseBanner({ open }: { readonly open: (screen: Screen) => void }) {
  const { words } = useSpeech()
  const { usesBuiltInService, secrets } = useSettings()
  const has = (state: string): boolean => state === 'app' || state === 'environment'
  if (usesBuiltInService || has(secrets.licenseKey) || has(secrets.apiSecret)) return null
  return (
    <Notice
      kind="warn"
      icon={IconKey}
      testId="license-banner"
      action={
        <Button variant="default" onClick={() => open('settings')}>
          {words.newJob.openSettings}
        </Button>
      }
    >
      {words.newJob.licenseMissing}
    </Notice>
  )
}

function ServiceBanner() {
  const { words, describe } = useSpeech()
  const service = useService()
  const call = useCall()
  if (service.kind !== 'failed') return null
  const said = describe(service.error)
  return (
    <Notice
      kind="danger"
      icon={IconAlertTriangle}
      testId="service-banner"
      action={
        <Button variant="default" onClick={() => void call((desk) => desk.restartService())}>
          {words.status.restart}
        </Button>
      }
    >
      <strong>{said.title}</strong>
      {said.body}
    </Notice>
  )
}
