import type { Screen } from '../shell/screens'

export function HistoryScreen(_props: { readonly open: (screen: Screen) => void }) {
  return <h1>History</h1>
}
