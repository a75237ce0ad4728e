// Catches what a screen throws, so that a fault of ours shows a page with a way out. Details go to the console, where the
// main process logs them.
import { Component, type ErrorInfo, type ReactNode } from 'react'
import { SpeechContext } from '../use-speech'
import { FailurePage } from './failure-page'

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  static override contextType = SpeechContext
  declare context: React.ContextType<typeof SpeechContext>
  override state = { failed: false }

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error('screen failed', error, info.componentStack)
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children
    return <FailurePage title={this.context.words.failure.title} error={null} />
  }
}
