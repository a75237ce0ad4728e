// The window's frame: rail, the open screen, status line, and files dropped anywhere. A screen once opened stays mounted
// but asleep (Activity), so that what was typed and scrolled in it is there when one comes back.
import { Activity, lazy, Suspense, useState } from 'react'
import { useNewJob } from '../new-job/use-new-job'
import { DropAnywhere } from './drop-anywhere'
import { ErrorBoundary } from './error-boundary'
import { Rail } from './rail'
import type { Screen } from './screens'
import classes from './shell.module.css'
import { StatusLine } from './status-line'

const NewJobScreen = lazy(() => import('../new-job/new-job-screen').then((module) => ({ default: module.NewJobScreen })))
const QueueScreen = lazy(() => import('../queue/queue-screen').then((module) => ({ default: module.QueueScreen })))
const HistoryScreen = lazy(() => import('../history/history-screen').then((module) => ({ default: module.HistoryScreen })))
const SettingsScreen = lazy(() => import('../settings/settings-screen').then((module) => ({ default: module.SettingsScreen })))

export function Shell() {
  const [screen, setScreen] = useState<Screen>('new')
  const [opened, setOpened] = useState<readonly Screen[]>(['new'])
  const newJob = useNewJob()

  const open = (next: Screen): void => {
    setScreen(next)
    setOpened((before) => (before.includes(next) ? before : [...before, next]))
  }

  const show = (which: Screen) => {
    switch (which) {
      case 'new':
        return <NewJobScreen newJob={newJob} open={open} />
      case 'queue':
        return <QueueScreen open={open} />
      case 'history':
        return <HistoryScreen open={open} />
      case 'settings':
        return <SettingsScreen />
    }
  }

  return (
    <div className={classes.frame}>
      <Rail current={screen} open={open} />
      <main className={classes.content}>
        {opened.map((which) => (
          <Activity key={which} mode={which === screen ? 'visible' : 'hidden'}>
            <ErrorBoundary>
              <Suspense fallback={null}>{show(which)}</Suspense>
            </ErrorBoundary>
          </Activity>
        ))}
      </main>
      <StatusLine />
      <DropAnywhere
        shown={screen !== 'new'}
        onFiles={(files) => {
          open('new')
          void newJob.takeDropped(files, null)
        }}
      />
    </div>
  )
}
