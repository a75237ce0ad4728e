// What every screen has: a title line with its own actions, and a body that scrolls below it.
import type { ReactNode } from 'react'
import classes from './screen-frame.module.css'

interface ScreenFrameProps {
  readonly title: string
  readonly note?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

export function ScreenFrame({ title, note, actions, children }: ScreenFrameProps) {
  return (
    <section className={classes.screen} aria-label={title}>
      <header className={classes.header}>
        <h1 className={classes.title}>{title}</h1>
        <div className={classes.note}>{note}</div>
        {actions}
      </header>
      <div className={classes.body}>{children}</div>
    </section>
  )
}
