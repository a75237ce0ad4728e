// A list with nothing in it: says so, and what to do about it.
import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import classes from './empty-state.module.css'

interface EmptyStateProps {
  readonly icon: Icon
  readonly title: string
  readonly hint?: string | undefined
  readonly children?: ReactNode
}

export function EmptyState({ icon: IconOf, title, hint, children }: EmptyStateProps) {
  return (
    <div className={classes.empty}>
      <IconOf size={40} stroke={1.2} className={classes.icon} aria-hidden />
      <strong className={classes.title}>{title}</strong>
      {hint && <span>{hint}</span>}
      {children && <div className={classes.action}>{children}</div>}
    </div>
  )
}
