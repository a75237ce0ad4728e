// Plays a result over the window. Space plays and pauses wherever the focus is, Esc closes.
import { Button, Group, Modal } from '@mantine/core'
import { IconFolderOpen, IconMovieOff } from '@tabler/icons-react'
import { useRef, useState, type KeyboardEvent } from 'react'
import { FileName } from '../parts/file-name'
import { useCall } from '../use-call'
import { useJob } from '../use-desk'
import { useSpeech } from '../use-speech'
import classes from './player.module.css'

export function Player({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const { words, format } = useSpeech()
  const job = useJob(id)
  const call = useCall()
  const video = useRef<HTMLVideoElement>(null)
  const [failed, setFailed] = useState(false)
  if (job?.state.kind !== 'done') return null
  const { result } = job.state

  const onKey = (event: KeyboardEvent): void => {
    const element = video.current
    // The element itself, and buttons, know the key.
    if (event.key !== ' ' || !element || event.target === element || event.target instanceof HTMLButtonElement) return
    event.preventDefault()
    if (element.paused) void element.play()
    else element.pause()
  }

  return (
    <Modal
      opened
      onClose={onClose}
      size="min(1080px, 88vw)"
      padding="sm"
      title={<FileName name={result.name} />}
      classNames={{ title: classes.title ?? '', body: classes.body ?? '' }}
      closeButtonProps={{ 'aria-label': words.common.close }}
      transitionProps={{ duration: 100 }}
      onKeyDown={onKey}
    >
      <div className={classes.stage}>
        {failed ? (
          <div className={classes.failed}>
            <IconMovieOff size={36} stroke={1.2} aria-hidden />
            <strong>{words.player.cannotPlay}</strong>
            <span>{words.player.cannotPlayHint}</span>
          </div>
        ) : (
          <video ref={video} className={classes.video} src={result.mediaUrl} controls autoPlay data-autofocus data-testid="player-video" onError={() => setFailed(true)} />
        )}
      </div>
      <Group justify="space-between" mt="sm" wrap="nowrap">
        <span className={classes.facts}>
          {format.clock(result.durationSec)} · {format.bytes(result.sizeBytes)}
          {result.engine === 'mux' && ` · ${words.history.standInHint}`}
          <span className={classes.keys}>{words.player.keys}</span>
        </span>
        <Button variant="default" leftSection={<IconFolderOpen size={15} aria-hidden />} onClick={() => void call((desk) => desk.showResultInFolder(id))}>
          {words.history.showInFolder}
        </Button>
      </Group>
    </Modal>
  )
}
