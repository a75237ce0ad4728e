// A strip that tells the person something they should act on, with its button at the end.
import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import classes from './notice.module.css'

interface NoticeProps {
  readonly kind: 'warn' | 'danger'
  readonly icon: Icon
  readonly action?: ReactNode
  readonly testId?: string
  readonly className?: string | undefined
  readonly children: ReactNode
}

export function Notice({ kind, icon: IconOf, action, testId, className, children }: NoticeProps) {
  return (
    <div className={`${classes.notice} ${className ?? ''}`} data-kind={kind} role={kind === 'danger' ? 'alert' : 'status'} data-testid={testId}>
      <IconOf size={18} stroke={1.7} className={classes.icon} aria-hidden />
      <div className={classes.text}>{children}</div>
      {action}
    </div>
  )
}
