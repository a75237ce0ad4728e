// The foot of New: what will come out, and the button; when it cannot be pressed, why.
import { Button, Checkbox } from '@mantine/core'
import { IconPlayerPlayFilled } from '@tabler/icons-react'
import { useSpeech } from '../use-speech'
import { foretell, hindrance } from './outlook'
import classes from './start-bar.module.css'
import type { NewJob } from './use-new-job'

export function StartBar({ newJob, onStart }: { readonly newJob: NewJob; readonly onStart: () => void }) {
  const { words, format } = useSpeech()
  const why = newJob.starting ? 'starting' : hindrance(newJob.slots)
  return (
    <footer className={classes.bar}>
      <div className={classes.inner}>
        <p className={classes.text} role="status" data-testid="start-summary">
          {why === null ? foretell(newJob.slots, words, format) : words.newJob.why[why]}
        </p>
        <Checkbox label={words.newJob.keepVideo} checked={newJob.keepVideo} onChange={(event) => newJob.setKeepVideo(event.currentTarget.checked)} data-testid="keep-video" />
        <Button
          size="md"
          className={classes.start}
          leftSection={<IconPlayerPlayFilled size={15} aria-hidden />}
          disabled={why !== null}
          loading={newJob.starting}
          onClick={onStart}
          data-testid="start-job"
        >
          {words.newJob.start}
        </Button>
      </div>
    </footer>
  )
}
