// What a toast says below its title: what it means, then what to do.
import { Text } from '@mantine/core'
import type { ErrorWords } from '../../src-shared/words/errors'

export function ErrorToast({ text }: { readonly text: ErrorWords }) {
  return (
    <>
      <Text size="sm" c="dimmed">
        {text.meaning}
      </Text>
      <Text size="sm" c="var(--desk-text)">
        {text.todo}
      </Text>
    </>
  )
}
