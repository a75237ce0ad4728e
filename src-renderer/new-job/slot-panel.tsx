// One slot: empty, reading, or a file with its preview, facts and verdict. Takes drops for its own role.
import { ActionIcon, Button, Loader, Tooltip } from '@mantine/core'
import { IconMicrophone, IconRefresh, IconUserSquareRounded, IconX } from '@tabler/icons-react'
import { useState, type DragEvent } from 'react'
import type { FileRole, PickedFile } from '../../src-shared/bridge-contract'
import { FileName } from '../parts/file-name'
import { useSpeech } from '../use-speech'
import { factsOf } from './facts-of'
import { Preview } from './preview'
import classes from './slot-panel.module.css'
import type { NewJob } from './use-new-job'
import { Verdict } from './verdict'

interface SlotPanelProps {
  readonly role: FileRole
  readonly newJob: NewJob
}

const icons = { video: IconUserSquareRounded, audio: IconMicrophone }

export function SlotPanel({ role, newJob }: SlotPanelProps) {
  const { words } = useSpeech()
  const [over, setOver] = useState(false)
  const slot = newJob.slots[role]
  const title = words.newJob[role]

  const drop = (event: DragEvent): void => {
    setOver(false)
    const files = [...event.dataTransfer.files]
    if (files.length === 0) return
    event.preventDefault()
    event.stopPropagation()
    void newJob.takeDropped(files, role)
  }

  return (
    <section
      className={classes.panel}
      aria-label={title}
      data-testid={`slot-${role}`}
      data-state={slot.kind}
      data-over={over || undefined}
      onDragOver={() => setOver(true)}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false)
      }}
      onDrop={drop}
    >
      {slot.kind === 'empty' && <EmptySlot role={role} onPick={() => void newJob.pick(role)} />}
      {slot.kind === 'reading' && (
        <div className={classes.reading} role="status">
          <Loader size={22} />
          <FileName name={slot.name} />
          <span>{words.newJob.reading}</span>
        </div>
      )}
      {slot.kind === 'ready' && <FilledSlot role={role} file={slot.file} newJob={newJob} />}
    </section>
  )
}

function EmptySlot({ role, onPick }: { readonly role: FileRole; readonly onPick: () => void }) {
  const { words } = useSpeech()
  const Icon = icons[role]
  const isVideo = role === 'video'
  return (
    <div className={classes.empty} onDoubleClick={onPick}>
      <span className={classes.bigIcon} aria-hidden>
        <Icon size={30} stroke={1.4} />
      </span>
      <h2 className={classes.emptyTitle}>{words.newJob[role]}</h2>
      <p className={classes.hint}>{isVideo ? words.newJob.videoHint : words.newJob.audioHint}</p>
      <Button variant="default" size="sm" onClick={onPick} data-testid={`pick-${role}`}>
        {isVideo ? words.newJob.pickVideo : words.newJob.pickAudio}
      </Button>
      <p className={classes.dropHint}>{isVideo ? words.newJob.dropVideo : words.newJob.dropAudio}</p>
    </div>
  )
}

function FilledSlot({ role, file, newJob }: { readonly role: FileRole; readonly file: PickedFile; readonly newJob: NewJob }) {
  const { words, format } = useSpeech()
  const Icon = icons[role]
  return (
    <>
      <header className={classes.header}>
        <Icon size={16} stroke={1.6} aria-hidden />
        <h2 className={classes.role}>{words.newJob[role]}</h2>
        <Button variant="subtle" color="gray" leftSection={<IconRefresh size={14} aria-hidden />} onClick={() => void newJob.pick(role)} data-testid={`pick-${role}`}>
          {words.newJob.replace}
        </Button>
        <Tooltip label={words.newJob.remove}>
          <ActionIcon aria-label={`${words.newJob.remove} ${words.newJob[role]}`} onClick={() => newJob.remove(role)} data-testid={`remove-${role}`}>
            <IconX size={16} />
          </ActionIcon>
        </Tooltip>
      </header>
      <Preview key={file.token} file={file} />
      <div className={classes.facts}>
        <FileName name={file.name} className={classes.fileName} />
        <p className={classes.factLine}>
          {factsOf(file, format, words).map((fact) => (
            <span key={fact}>{fact}</span>
          ))}
        </p>
        <Verdict file={file} />
      </div>
    </>
  )
}
