// Queue: what runs and what waits, one row a job, and the details of the chosen one beside them.
import { Button } from '@mantine/core'
import { IconSquareRoundedPlus, IconStack2 } from '@tabler/icons-react'
import { useCallback, useState } from 'react'
import { EmptyState } from '../parts/empty-state'
import { ScreenFrame } from '../parts/screen-frame'
import type { Screen } from '../shell/screens'
import { useDesk } from '../use-desk'
import { useWords } from '../use-speech'
import { JobDetails } from './job-details'
import { JobRow } from './job-row'
import classes from './queue-screen.module.css'

export function QueueScreen({ open }: { readonly open: (screen: Screen) => void }) {
  const words = useWords()
  const running = useDesk((state) => state.sections.running)
  const queued = useDesk((state) => state.sections.queued)
  const [selected, setSelected] = useState<string | null>(null)
  const toggle = useCallback((id: string) => setSelected((before) => (before === id ? null : id)), [])
  const isEmpty = running.length + queued.length === 0
  // A job that has left the queue takes its details with it.
  const detailed = selected !== null && (running.includes(selected) || queued.includes(selected)) ? selected : null

  return (
    <ScreenFrame
      title={words.queue.title}
      note={words.queue.summary(running.length, queued.length)}
      actions={
        !isEmpty && (
          <Button variant="default" leftSection={<IconSquareRoundedPlus size={15} aria-hidden />} onClick={() => open('new')}>
            {words.queue.createJob}
          </Button>
        )
      }
    >
      {isEmpty ? (
        <EmptyState icon={IconStack2} title={words.queue.empty} hint={words.queue.emptyHint}>
          <Button leftSection={<IconSquareRoundedPlus size={15} aria-hidden />} onClick={() => open('new')}>
            {words.queue.createJob}
          </Button>
        </EmptyState>
      ) : (
        <div className={classes.split}>
          <div className={classes.lists}>
            <JobList title={words.queue.running} ids={running} selected={detailed} onSelect={toggle} />
            <JobList title={words.queue.queued} ids={queued} selected={detailed} onSelect={toggle} />
          </div>
          {detailed !== null && <JobDetails key={detailed} id={detailed} onClose={() => setSelected(null)} />}
        </div>
      )}
    </ScreenFrame>
  )
}

interface JobListProps {
  readonly title: string
  readonly ids: readonly string[]
  readonly selected: string | null
  readonly onSelect: (id: string) => void
}

function JobList({ title, ids, selected, onSelect }: JobListProps) {
  if (ids.length === 0) return null
  return (
    <section aria-label={title}>
      <h2 className={classes.heading}>
        {title} <span>{ids.length}</span>
      </h2>
      <ul className={classes.list}>
        {ids.map((id) => (
          <JobRow key={id} id={id} selected={id === selected} onSelect={onSelect} />
        ))}
      </ul>
    </section>
  )
}
