// The panel beside the queue: how a job came to where it is, and the ids one quotes when asking for help.
import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy, IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { InputView } from '../../src-shared/bridge-contract'
import { FileName } from '../parts/file-name'
import { useJob } from '../use-desk'
import { useNowMs } from '../use-now'
import { useSpeech, useWords } from '../use-speech'
import classes from './job-details.module.css'
import { passagesOf } from './passages'

export function JobDetails({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const { words, format } = useSpeech()
  const job = useJob(id)
  const nowMs = useNowMs(1000)
  if (!job) return null
  return (
    <aside className={classes.panel} aria-label={words.details.title} data-testid="job-details-panel">
      <header className={classes.header}>
        <h2>{words.details.title}</h2>
        <ActionIcon aria-label={words.common.close} onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </header>
      <div className={classes.scroll}>
        <h3>{words.details.stages}</h3>
        <ol className={classes.stages}>
          {passagesOf(job, nowMs).map(({ stage, state, startedAtMs, tookMs }) => (
            <li key={stage} data-state={state}>
              <span className={classes.stageName}>{words.stages[stage]}</span>
              <span className={classes.stageWhen}>{startedAtMs !== null && format.timeOfDay(startedAtMs)}</span>
              <span className={classes.stageTook}>
                {state === 'ahead' && words.details.notYet}
                {state === 'skipped' && words.details.notNeeded}
                {tookMs !== null && format.clock(tookMs / 1000)}
              </span>
            </li>
          ))}
        </ol>
        <dl className={classes.facts}>
          <InputFact label={words.details.video} input={job.video} />
          <InputFact label={words.details.audio} input={job.audio} />
          <Fact label={words.details.sent}>{format.bytes(job.sentBytes)}</Fact>
          <Fact label={words.details.created}>{format.moment(job.createdAtMs, nowMs)}</Fact>
          {job.attempt > 1 && <Fact label={words.details.attempt}>{job.attempt}</Fact>}
          <Fact label={words.details.taskId}>{job.taskId === null ? <span className={classes.faint}>{words.details.noTaskId}</span> : <Copyable text={job.taskId} />}</Fact>
          <Fact label={words.details.jobId}>
            <Copyable text={job.id} />
          </Fact>
        </dl>
      </div>
    </aside>
  )
}

function InputFact({ label, input }: { readonly label: string; readonly input: InputView }) {
  const { format } = useSpeech()
  return (
    <Fact label={label}>
      <FileName name={input.name} />
      <span className={classes.faint}>
        {[input.media?.durationSec == null ? null : format.clock(input.media.durationSec), format.bytes(input.sizeBytes)].filter(Boolean).join(' · ')}
      </span>
    </Fact>
  )
}

function Fact({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Copyable({ text }: { readonly text: string }) {
  const words = useWords()
  return (
    <span className={classes.copyable}>
      <code data-selectable>{text}</code>
      <CopyButton value={text} timeout={1500}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? words.common.copied : words.common.copy}>
            <ActionIcon size={22} aria-label={words.common.copy} onClick={copy}>
              {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </span>
  )
}
