// A secret that can be set and forgotten, never seen: the desk says only whether it is there.
import { Button, PasswordInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { SecretName } from '../../src-shared/settings'
import { ConfirmDialog } from '../parts/confirm-dialog'
import { useCall } from '../use-call'
import { useSettings } from '../use-desk'
import { useWords } from '../use-speech'
import classes from './secret-input.module.css'

interface SecretInputProps {
  readonly id: string
  readonly secret: SecretName
  readonly draft: string
  readonly onDraft: (text: string) => void
  readonly onEnter: () => void
  /** A save button of its own, where it is not saved with others. */
  readonly save?: ReactNode
  readonly testId: string
  readonly forgetTestId: string
}

export function SecretInput({ id, secret, draft, onDraft, onEnter, save, testId, forgetTestId }: SecretInputProps) {
  const words = useWords()
  const call = useCall()
  const state = useSettings().secrets[secret]
  const [asking, setAsking] = useState(false)
  const isStored = state === 'app' || state === 'unreadable'
  const name = words.settings.secretNames[secret]
  const placeholder = state === 'none' || state === 'unreadable' ? (secret === 'licenseKey' ? words.settings.licensePlaceholder : '') : words.settings.replacePlaceholder
  return (
    <>
      <PasswordInput
        id={id}
        className={classes.input}
        value={draft}
        onChange={(event) => onDraft(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onEnter()
        }}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        data-testid={testId}
        visibilityToggleButtonProps={{ 'aria-label': words.settings.showTyped }}
      />
      {save}
      {isStored && (
        <Button variant="subtle" color="gray" onClick={() => setAsking(true)} data-testid={forgetTestId}>
          {words.settings.forget}
        </Button>
      )}
      <span className={classes.state} data-testid={`${testId}-state`} data-state={state}>
        {words.settings.secretStates[state]}
      </span>
      <ConfirmDialog
        opened={asking}
        title={words.settings.forgetAsk(name)}
        text={words.settings.forgetHint}
        confirmLabel={words.settings.forget}
        keepLabel={words.common.cancel}
        onConfirm={() => void call((desk) => desk.saveSecret(secret, null))}
        onClose={() => setAsking(false)}
      />
    </>
  )
}
