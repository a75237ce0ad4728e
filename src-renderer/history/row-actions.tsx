// What can be done with an ended job. A failed one has exactly one main button, which its error decides (errors.ts).
import { ActionIcon, Button, Tooltip } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconFolderOpen, IconRefresh, IconTrash, type Icon } from '@tabler/icons-react'
import { useState } from 'react'
import type { JobView } from '../../src-shared/bridge-contract'
import { errorTraits } from '../../src-shared/errors'
import { ConfirmDialog } from '../parts/confirm-dialog'
import type { Screen } from '../shell/screens'
import { useCall } from '../use-call'
import { useWords } from '../use-speech'
import classes from './row-actions.module.css'

interface RowActionsProps {
  readonly job: JobView
  readonly open: (screen: Screen) => void
}

export function RowActions({ job, open }: RowActionsProps) {
  const words = useWords()
  const call = useCall()
  const [asking, setAsking] = useState(false)
  const { state } = job

  const retry = async (): Promise<void> => {
    const reply = await call((desk) => desk.retryJob(job.id))
    if (reply !== undefined) notifications.show({ title: words.newJob.started, message: job.name, color: 'teal' })
  }
  const changeFolder = async (): Promise<void> => {
    if (await call((desk) => desk.changeJobFolder(job.id))) await retry()
  }

  const retryButton = (
    <Button variant="default" onClick={() => void retry()} data-testid="retry-job">
      {words.history.retry}
    </Button>
  )
  const main = () => {
    if (state.kind === 'cancelled') return retryButton
    if (state.kind !== 'failed') return null
    switch (errorTraits(state.error.code).action) {
      case 'retry':
        return retryButton
      case 'open-settings':
        return (
          <Button variant="default" onClick={() => open('settings')} data-testid="job-open-settings">
            {words.history.openSettings}
          </Button>
        )
      case 'choose-folder':
        return (
          <Button variant="default" onClick={() => void changeFolder()} data-testid="job-choose-folder">
            {words.history.chooseFolder}
          </Button>
        )
      case 'choose-files':
        return (
          <Button variant="default" onClick={() => open('new')} data-testid="job-choose-files">
            {words.history.chooseFiles}
          </Button>
        )
      case 'none':
        return null
    }
  }
  const retriesAside = state.kind === 'failed' && errorTraits(state.error.code).action !== 'retry'

  return (
    <div className={classes.actions} onDoubleClick={(event) => event.stopPropagation()}>
      {main()}
      {retriesAside && <IconAction icon={IconRefresh} label={words.history.retry} name={job.name} testId="retry-job" onClick={() => void retry()} />}
      {state.kind === 'done' && (
        <IconAction
          icon={IconFolderOpen}
          label={words.history.showInFolder}
          name={job.name}
          testId="show-in-folder"
          onClick={() => void call((desk) => desk.showResultInFolder(job.id))}
        />
      )}
      <IconAction icon={IconTrash} label={words.history.remove} name={job.name} testId="remove-job" onClick={() => setAsking(true)} />
      <ConfirmDialog
        opened={asking}
        title={words.history.removeAsk}
        text={words.history.removeHint}
        confirmLabel={words.history.removeConfirm}
        keepLabel={words.common.cancel}
        onConfirm={() => void call((desk) => desk.removeJob(job.id))}
        onClose={() => setAsking(false)}
      />
    </div>
  )
}

interface IconActionProps {
  readonly icon: Icon
  readonly label: string
  /** Of the job, so that a screen reader tells the rows apart. */
  readonly name: string
  readonly testId: string
  readonly onClick: () => void
}

function IconAction({ icon: IconOf, label, name, testId, onClick }: IconActionProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={`${label} ${name}`} onClick={onClick} data-testid={testId}>
        <IconOf size={17} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  )
}
