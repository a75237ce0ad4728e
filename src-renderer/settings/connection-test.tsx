// "Test connection": every check with its outcome and time, and what to do about one that failed.
import { Button, Loader } from '@mantine/core'
import { IconCircleCheck, IconCircleDashed, IconCircleX, IconMoon, IconPlugConnected } from '@tabler/icons-react'
import { useState } from 'react'
import type { ConnectionCheck } from '../../src-shared/bridge-contract'
import { useCall } from '../use-call'
import { useSpeech } from '../use-speech'
import classes from './connection-test.module.css'

const icons = { ok: IconCircleCheck, asleep: IconMoon, failed: IconCircleX, skipped: IconCircleDashed }

export function ConnectionTest({ unsaved }: { readonly unsaved: boolean }) {
  const { words } = useSpeech()
  const call = useCall()
  const [testing, setTesting] = useState(false)
  const [checks, setChecks] = useState<readonly ConnectionCheck[] | null>(null)

  const test = async (): Promise<void> => {
    setTesting(true)
    setChecks((await call((desk) => desk.testConnection())) ?? null)
    setTesting(false)
  }

  // A machine that a job powers on is as good as one that is on.
  const isGood = checks?.every((check) => check.outcome !== 'failed')
  return (
    <div className={classes.test}>
      <div className={classes.head}>
        <Button variant="default" leftSection={testing ? <Loader size={13} /> : <IconPlugConnected size={15} aria-hidden />} disabled={testing} onClick={() => void test()} data-testid="test-connection">
          {testing ? words.settings.testing : words.settings.test}
        </Button>
        <p className={classes.verdict} role="status" data-good={isGood}>
          {checks === null || testing ? (unsaved ? words.settings.testUnsaved : words.settings.testHint) : isGood ? words.settings.testGood : words.settings.testBad}
        </p>
      </div>
      {checks !== null && (
        <ul className={classes.checks} data-stale={testing || undefined}>
          {checks.map((check) => (
            <CheckRow key={check.check} check={check} />
          ))}
        </ul>
      )}
    </div>
  )
}

function CheckRow({ check }: { readonly check: ConnectionCheck }) {
  const { words, format, describe } = useSpeech()
  const Icon = icons[check.outcome]
  const said = check.error ? describe(check.error) : null
  return (
    <li className={classes.check} data-testid="check-row" data-check={check.check} data-outcome={check.outcome}>
      <Icon size={17} stroke={1.8} className={classes.icon} aria-hidden />
      <span className={classes.name}>{words.settings.checks[check.check]}</span>
      <span className={classes.target} title={check.target}>
        {check.target}
      </span>
      <span className={classes.outcome}>{words.settings.checkOutcomes[check.outcome]}</span>
      <span className={classes.took}>{check.outcome === 'skipped' ? '' : format.milliseconds(check.tookMs)}</span>
      {said && (
        <p className={classes.said}>
          <strong>{said.title}</strong> {said.body}
        </p>
      )}
    </li>
  )
}
