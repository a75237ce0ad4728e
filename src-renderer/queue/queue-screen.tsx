import type { Screen } from '../shell/screens'

export function QueueScreen(_props: { readonly open: (screen: Screen) => void }) {
  return <h1>Queue</h1>
}
