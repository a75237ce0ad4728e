// One ended job: what it is, how it ended, and what can be done with it now.
import { Badge, Tooltip, UnstyledButton } from '@mantine/core'
import { IconAlertTriangle, IconBan, IconPlayerPlayFilled } from '@tabler/icons-react'
import { memo } from 'react'
import type { JobView } from '../../src-shared/bridge-contract'
import { FileName } from '../parts/file-name'
import { Poster } from '../parts/poster'
import type { Screen } from '../shell/screens'
import { useJob } from '../use-desk'
import { useSpeech } from '../use-speech'
import classes from './history-row.module.css'
import { RowActions } from './row-actions'

interface HistoryRowProps {
  readonly id: string
  readonly nowMs: number
  readonly open: (screen: Screen) => void
  readonly onPlay: (id: string) => void
}

export const HistoryRow = memo(function HistoryRow({ id, nowMs, open, onPlay }: HistoryRowProps) {
  const job = useJob(id)
  const { words, format } = useSpeech()
  if (!job) return null
  const result = job.state.kind === 'done' ? job.state.result : null
  return (
    <div
      className={classes.row}
      data-testid="history-row"
      data-job-id={id}
      data-state={job.state.kind}
      onDoubleClick={result ? () => onPlay(id) : undefined}
    >
      {result ? (
        <UnstyledButton className={classes.poster} aria-label={`${words.history.play} ${result.name}`} onClick={() => onPlay(id)} data-testid="play-result">
          <Poster mediaUrl={result.mediaUrl} />
          <span className={classes.play}>
            <IconPlayerPlayFilled size={15} aria-hidden />
          </span>
        </UnstyledButton>
      ) : (
        <div className={classes.poster} data-dim>
          <Poster mediaUrl={job.video.mediaUrl} />
        </div>
      )}
      <div className={classes.what}>
        <span className={classes.title}>
          <FileName name={result?.name ?? job.name} className={classes.name} />
          {result?.engine === 'mux' && (
            <Tooltip label={words.history.standInHint}>
              <Badge size="xs" variant="light" color="gray" className={classes.badge}>
                {words.history.standIn}
              </Badge>
            </Tooltip>
          )}
        </span>
        {result && (
          <span className={classes.inputs}>
            <FileName name={job.video.name} />
            <span aria-hidden>+</span>
            <FileName name={job.audio.name} />
          </span>
        )}
        <Ending job={job} />
      </div>
      {result && <span className={classes.number}>{format.clock(result.durationSec)}</span>}
      {result && <span className={classes.number}>{format.bytes(result.sizeBytes)}</span>}
      <span className={classes.number}>{format.moment(job.updatedAtMs, nowMs)}</span>
      <RowActions job={job} open={open} />
    </div>
  )
})

/** Nothing more is said of a job that went well. */
function Ending({ job }: { readonly job: JobView }) {
  const { words, describe } = useSpeech()
  const { state } = job
  if (state.kind === 'cancelled') {
    return (
      <span className={classes.cancelled}>
        <IconBan size={14} aria-hidden />
        {words.history.cancelledHint}
      </span>
    )
  }
  if (state.kind !== 'failed') return null
  const said = describe(state.error)
  return (
    <div className={classes.failed} data-testid="job-error" data-code={state.error.code}>
      <IconAlertTriangle size={14} aria-hidden />
      <div>
        <strong>{said.title}</strong>
        <p data-selectable>{said.body}</p>
      </div>
    </div>
  )
}
