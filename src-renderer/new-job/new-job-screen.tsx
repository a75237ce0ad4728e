import type { Screen } from '../shell/screens'
import type { NewJob } from './use-new-job'

export function NewJobScreen(_props: { readonly newJob: NewJob; readonly open: (screen: Screen) => void }) {
  return <h1>New</h1>
}
