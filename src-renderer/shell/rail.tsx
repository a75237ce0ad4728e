// Navigation between the screens, with the number of jobs still under way.
import { UnstyledButton } from '@mantine/core'
import { useDesk } from '../use-desk'
import { useWords } from '../use-speech'
import { Mark } from './mark'
import classes from './rail.module.css'
import { screenIcons, screens, type Screen } from './screens'

interface RailProps {
  readonly current: Screen
  readonly open: (screen: Screen) => void
}

export function Rail({ current, open }: RailProps) {
  const words = useWords()
  const active = useDesk((state) => state.sections.running.length + state.sections.queued.length)
  return (
    <nav className={classes.rail} aria-label={words.nav.label}>
      <Mark className={classes.mark} />
      {screens.map((screen) => {
        const Icon = screenIcons[screen]
        const badge = screen === 'queue' && active > 0 ? active : null
        return (
          <UnstyledButton
            key={screen}
            className={classes.item}
            data-last={screen === 'settings' || undefined}
            data-testid={`nav-${screen}`}
            aria-current={screen === current ? 'page' : undefined}
            onClick={() => open(screen)}
          >
            <Icon size={22} stroke={1.6} aria-hidden />
            <span>{words.nav[screen]}</span>
            {badge !== null && (
              <span className={classes.badge} aria-label={words.nav.activeJobs(badge)} data-testid="queue-count">
                {badge > 99 ? '99+' : badge}
              </span>
            )}
          </UnstyledButton>
        )
      })}
    </nav>
  )
}
