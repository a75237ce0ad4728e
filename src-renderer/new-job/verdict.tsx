// Whether a file will do, in words: at once visible by icon and colour, and said to screen readers when it comes.
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import type { PickedFile } from '../../src-shared/bridge-contract'
import { useSpeech } from '../use-speech'
import classes from './verdict.module.css'

const icons = { fine: IconCircleCheck, warn: IconAlertTriangle, cannot: IconCircleX }

export function Verdict({ file }: { readonly file: PickedFile }) {
  const { words, describe } = useSpeech()
  const { verdict, role } = file
  const Icon = icons[verdict.kind]
  const said = verdict.kind === 'cannot' ? describe(verdict.error) : null
  return (
    <div className={classes.verdict} data-kind={verdict.kind} role="status" data-testid={`verdict-${role}`} data-verdict={verdict.kind}>
      <Icon size={16} stroke={1.8} className={classes.icon} aria-hidden />
      <div>
        <strong>{said ? said.title : words.newJob.verdict[verdict.kind]}</strong>
        {verdict.kind === 'warn' && verdict.warnings.map((warning) => <p key={warning}>{words.newJob.warnings[warning]}</p>)}
        {said && <p>{said.body}</p>}
      </div>
    </div>
  )
}
