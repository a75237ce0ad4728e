// One line of a group: what it is on the left, its control on the right.
import type { ReactNode } from 'react'
import classes from './setting-row.module.css'

interface SettingRowProps {
  readonly label: string
  /** Of the control, when there is one to point the label at. */
  readonly htmlFor?: string
  readonly hint?: string | undefined
  readonly children: ReactNode
}

export function SettingRow({ label, htmlFor, hint, children }: SettingRowProps) {
  return (
    <div className={classes.row}>
      <div className={classes.name}>
        {htmlFor === undefined ? <span>{label}</span> : <label htmlFor={htmlFor}>{label}</label>}
        {hint && <p className={classes.hint}>{hint}</p>}
      </div>
      <div className={classes.control}>{children}</div>
    </div>
  )
}
