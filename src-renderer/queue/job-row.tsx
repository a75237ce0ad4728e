// One job under way. Redraws only when its own job changes; every line keeps its height, said or not.
import { ActionIcon, Tooltip } from '@mantine/core'
import { IconInfoCircle, IconMicrophone, IconX } from '@tabler/icons-react'
import { memo, useState } from 'react'
import { ConfirmDialog } from '../parts/confirm-dialog'
import { FileName } from '../parts/file-name'
import { Poster } from '../parts/poster'
import { useCall } from '../use-call'
import { useJob } from '../use-desk'
import { useSpeech } from '../use-speech'
import { useNowMs } from '../use-now'
import { figuresOf, happeningOf, shareOf } from './happening'
import classes from './job-row.module.css'
import { ProgressBar } from './progress-bar'

interface JobRowProps {
  readonly id: string
  readonly selected: boolean
  readonly onSelect: (id: string) => void
}

export const JobRow = memo(function JobRow({ id, selected, onSelect }: JobRowProps) {
  const job = useJob(id)
  const { words, format } = useSpeech()
  const call = useCall()
  const [asking, setAsking] = useState(false)
  const nowMs = useNowMs(job?.state.kind === 'waking' ? 1000 : null)
  if (!job) return null

  const happening = happeningOf(job.state, words, nowMs)
  const figures = figuresOf(happening, format, words)
  const cancel = (): void => void call((desk) => desk.cancelJob(id))
  const costsRendering = job.state.kind === 'rendering' || job.state.kind === 'downloading'

  return (
    <li className={classes.row} data-testid="job-row" data-job-id={id} data-state={job.state.kind} data-selected={selected || undefined} onClick={() => onSelect(id)}>
      <div className={classes.poster}>
        <Poster mediaUrl={job.video.mediaUrl} />
      </div>
      <div className={classes.names}>
        <FileName name={job.video.name} className={classes.videoName} />
        <span className={classes.audioName}>
          <IconMicrophone size={13} stroke={1.6} aria-hidden />
          <FileName name={job.audio.name} />
        </span>
      </div>
      <div className={classes.progress}>
        <div className={classes.line}>
          <span className={classes.stage} data-testid="job-stage">
            {happening.stage}
          </span>
          <span className={classes.percent}>{figures.percent}</span>
        </div>
        <ProgressBar
          key={happening.bar}
          label={words.queue.progressLabel(job.name)}
          share={shareOf(happening)}
          uncounted={happening.uncounted}
          text={[happening.stage, figures.percent].filter(Boolean).join(' ')}
        />
        <div className={classes.figures}>
          <span>{figures.amount}</span>
          <span>{figures.timeLeft}</span>
        </div>
      </div>
      {happening.note && (
        <p className={classes.note} data-trouble={happening.note.trouble || undefined} data-testid="job-note">
          {happening.note.text}
        </p>
      )}
      <div className={classes.actions} onClick={(event) => event.stopPropagation()}>
        <Tooltip label={selected ? words.queue.hideDetails : words.queue.details}>
          <ActionIcon aria-label={`${words.queue.details} ${job.name}`} aria-expanded={selected} onClick={() => onSelect(id)} data-testid="job-details">
            <IconInfoCircle size={17} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={words.queue.cancel}>
          <ActionIcon
            aria-label={`${words.queue.cancel} ${job.name}`}
            disabled={job.state.kind === 'cancelling'}
            onClick={() => (costsRendering ? setAsking(true) : cancel())}
            data-testid="cancel-job"
          >
            <IconX size={17} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <ConfirmDialog
          opened={asking}
          title={words.queue.cancelAsk}
          text={words.queue.cancelRendering}
          confirmLabel={words.queue.cancelConfirm}
          keepLabel={words.queue.keep}
          onConfirm={cancel}
          onClose={() => setAsking(false)}
        />
      </div>
    </li>
  )
})
