// Asks before something that cannot be taken back. The harmless answer has the focus.
import { Button, Group, Modal, Text } from '@mantine/core'

interface ConfirmDialogProps {
  readonly opened: boolean
  readonly title: string
  readonly text: string
  readonly confirmLabel: string
  readonly keepLabel: string
  readonly onConfirm: () => void
  readonly onClose: () => void
}

export function ConfirmDialog({ opened, title, text, confirmLabel, keepLabel, onConfirm, onClose }: ConfirmDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} size={400} withCloseButton={false} transitionProps={{ duration: 100 }}>
      <Text c="dimmed">{text}</Text>
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={onClose} data-autofocus data-testid="confirm-keep">
          {keepLabel}
        </Button>
        <Button
          color="red"
          onClick={() => {
            onClose()
            onConfirm()
          }}
          data-testid="confirm-yes"
        >
          {confirmLabel}
        </Button>
      </Group>
    </Modal>
  )
}
