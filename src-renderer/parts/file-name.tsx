// A name of any length on one line: shortened in the middle, whole in the tooltip and for screen readers.
import { useMemo } from 'react'
import classes from './file-name.module.css'
import { splitName } from './split-name'

export function FileName({ name, className }: { readonly name: string; readonly className?: string | undefined }) {
  const { head, tail } = useMemo(() => splitName(name), [name])
  return (
    <span className={`${classes.name} ${className ?? ''}`} title={name}>
      <span className={classes.head}>{head}</span>
      <span className={classes.tail}>{tail}</span>
    </span>
  )
}
