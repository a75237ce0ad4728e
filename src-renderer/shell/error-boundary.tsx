// Catches what a screen throws, so that a fault of ours shows a page with a way out. React itself writes the
// details to the console, where the main process logs them.
import { Component, type ContextType, type ReactNode } from 'react'
import { SpeechContext } from '../use-speech'
import { FailurePage } from './failure-page'

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  static override contextType = SpeechContext
  declare context: ContextType<typeof SpeechContext>
  override state = { failed: false }

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children
    return <FailurePage title={this.context.words.failure.title} error={null} />
  }
}
