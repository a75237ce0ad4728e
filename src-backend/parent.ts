// The tie to whoever started this program: Electron's utility process port, or a pipe on stdin. When it breaks, the
// program ends; nobody is left to stop it.

/** Electron's port; typed here because the backend does not know Electron. */
interface ParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown
  on(event: 'close', listener: () => void): unknown
}

export interface ParentTie {
  /** Tells the parent, where it listens on a port. */
  post(message: object): void
}

/** `onParentGone` may be called more than once. */
export function tieToParent(exitWithParent: boolean, onParentGone: (reason: string) => void): ParentTie {
  const port = (process as { readonly parentPort?: ParentPort }).parentPort
  const gone = (): void => {
    onParentGone('the parent has gone')
  }
  if (port) {
    // A polite end also where there are no signals.
    port.on('message', ({ data }) => {
      if (data === 'stop') onParentGone('asked by the parent')
    })
    if (exitWithParent) port.on('close', gone)
  } else if (exitWithParent) {
    process.stdin.on('end', gone).on('error', gone).resume()
  }
  return {
    post(message) {
      port?.postMessage(message)
    },
  }
}
