import { IconCheck } from '@tabler/icons-react'
import { useWords } from '../use-speech'
import classes from './saved-mark.module.css'

export function SavedMark({ shown }: { readonly shown: boolean }) {
  const words = useWords()
  return (
    <span className={classes.mark} role="status" data-testid="saved-mark">
      {shown && (
        <>
          <IconCheck size={15} aria-hidden /> {words.settings.saved}
        </>
      )}
    </span>
  )
}
