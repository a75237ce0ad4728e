// Settings in groups on one page, with a list of the groups beside it. Every change is saved by main and comes back from
// there; what is being typed stays with its field.
import { useRef } from 'react'
import { ScreenFrame } from '../parts/screen-frame'
import { useWords } from '../use-speech'
import { AboutGroup } from './about-group'
import { AccountGroup } from './account-group'
import { AppearanceGroup } from './appearance-group'
import { OutputGroup } from './output-group'
import { ServersGroup } from './servers-group'
import classes from './settings-screen.module.css'

const groups = ['account', 'servers', 'output', 'appearance', 'about'] as const

const groupParts = {
  account: AccountGroup,
  servers: ServersGroup,
  output: OutputGroup,
  appearance: AppearanceGroup,
  about: AboutGroup,
}

export function SettingsScreen() {
  const words = useWords()
  const page = useRef<HTMLDivElement>(null)
  const jump = (group: string): void => {
    const section = page.current?.querySelector<HTMLElement>(`[data-group="${group}"]`)
    section?.scrollIntoView({ block: 'start' })
    section?.focus({ preventScroll: true })
  }
  return (
    <ScreenFrame title={words.settings.title}>
      <div className={classes.scroll} ref={page}>
        <div className={classes.page}>
          <nav className={classes.index} aria-label={words.settings.title}>
            {groups.map((group) => (
              <button key={group} type="button" className={classes.link} onClick={() => jump(group)}>
                {words.settings.groups[group]}
              </button>
            ))}
          </nav>
          <div className={classes.groups}>
            {groups.map((group) => {
              const Part = groupParts[group]
              const title = words.settings.groups[group]
              return (
                <section key={group} data-group={group} tabIndex={-1} className={classes.group} aria-label={title}>
                  <h2 className={classes.heading}>{title}</h2>
                  <div className={classes.rows}>
                    <Part />
                  </div>
                </section>
              )
            })}
          </div>
        </div>
      </div>
    </ScreenFrame>
  )
}
