// The window before its first snapshot: the empty frame at once, so that nothing jumps when the content comes, and a
// word only when it takes long enough to be noticed.
import { useWords } from '../use-speech'
import classes from './shell.module.css'

export function LoadingShell() {
  const words = useWords()
  return (
    <div className={classes.frame} aria-busy="true">
      <div className={classes.rail} />
      <div className={classes.content}>
        <p className={classes.loading} role="status">
          {words.loading}
        </p>
      </div>
      <div className={classes.status} />
    </div>
  )
}
