// A bar that tells the truth: filled by the share that is counted, moving stripes where nobody can count, empty while
// nothing happens.
import classes from './progress-bar.module.css'

interface ProgressBarProps {
  readonly label: string
  /** 0 to 1; null when nothing is counted. */
  readonly share: number | null
  readonly uncounted: boolean
  readonly text: string
}

export function ProgressBar({ label, share, uncounted, text }: ProgressBarProps) {
  const percent = share === null ? null : Math.min(100, share * 100)
  return (
    <div
      className={classes.track}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(percent === null ? {} : { 'aria-valuenow': Math.floor(percent) })}
      aria-valuetext={text}
      data-testid="job-progress"
      data-uncounted={uncounted || undefined}
    >
      {percent !== null && <div className={classes.fill} style={{ width: `${percent}%` }} />}
    </div>
  )
}
