// Files dropped anywhere in the window. A slot that takes a drop itself stops the event; everything else lands here, and
// a stray drop never makes the window navigate.
import { IconDownload } from '@tabler/icons-react'
import { useEffect, useEffectEvent, useState } from 'react'
import { useWords } from '../use-speech'
import classes from './drop-anywhere.module.css'

interface DropAnywhereProps {
  /** Whether to lay the invitation over the screen; New shows it in its slots instead. */
  readonly shown: boolean
  readonly onFiles: (files: readonly File[]) => void
}

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false

export function DropAnywhere({ shown, onFiles }: DropAnywhereProps) {
  const words = useWords()
  const [dragging, setDragging] = useState(false)
  const take = useEffectEvent(onFiles)

  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setDragging(true)
    }
    const leave = (event: DragEvent): void => {
      // Null when the pointer leaves the window, not merely one element.
      if (event.relatedTarget === null) setDragging(false)
    }
    const end = (): void => setDragging(false)
    const drop = (event: DragEvent): void => {
      event.preventDefault()
      const files = [...(event.dataTransfer?.files ?? [])]
      if (files.length > 0) take(files)
    }
    window.addEventListener('dragover', over)
    window.addEventListener('dragleave', leave)
    window.addEventListener('drop', end, true)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragover', over)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('drop', end, true)
      window.removeEventListener('drop', drop)
    }
  }, [])

  if (!dragging || !shown) return null
  return (
    <div className={classes.veil} aria-hidden>
      <div className={classes.card}>
        <IconDownload size={30} stroke={1.5} />
        <strong>{words.drop.title}</strong>
        <span>{words.drop.hint}</span>
      </div>
    </div>
  )
}
