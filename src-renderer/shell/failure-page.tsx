// The page instead of a screen (or of the whole window) that could not be shown.
import { Button, Text } from '@mantine/core'
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react'
import type { DeskErrorData } from '../../src-shared/errors'
import { useSpeech } from '../use-speech'
import classes from './failure-page.module.css'

export function FailurePage({ title, error }: { readonly title: string; readonly error: DeskErrorData | null }) {
  const { words, describe } = useSpeech()
  const said = error && error.code !== 'internal' ? describe(error) : null
  return (
    <div className={classes.page} role="alert">
      <IconAlertTriangle size={36} stroke={1.5} className={classes.icon} aria-hidden />
      <h1 className={classes.title}>{title}</h1>
      <Text c="dimmed" ta="center" maw={420}>
        {said ? said.body : words.failure.hint}
      </Text>
      <Button leftSection={<IconRefresh size={16} aria-hidden />} onClick={() => location.reload()} mt="sm">
        {words.failure.reload}
      </Button>
    </div>
  )
}
