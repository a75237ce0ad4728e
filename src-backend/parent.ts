// The tie to whoever started this program: Electron's utility process port, or a pipe on stdin. When it breaks, the
// program ends; nobody is left to stop it.

/** Electron's port; typed here because the backend does not know Electron. */
interface ParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown
  on(event: 'close', listener: () => void): unknown
}

export interface ParentTie {
  readonly ready: object
  readonly exitWithParent: boolean
  readonly onParentGone: (reason: string) => void
}

export function watchParent({ ready, exitWithParent, onParentGone }: ParentTie): void {
  const port = (process as { readonly parentPort?: ParentPort }).parentPort
  if (port) {
    port.postMessage(ready)
    // A polite end also where there are no signals.
    port.on('message', ({ data }) => {
      if (data === 'stop') onParentGone('asked by the parent')
    })
    if (exitWithParent) {
      port.on('close', () => {
        onParentGone('the parent has gone')
      })
    }
    return
  }
  if (!exitWithParent) return
  process.stdin.on('end', () => {
    onParentGone('the parent has gone')
  })
  process.stdin.on('error', () => {
    onParentGone('the parent has gone')
  })
  process.stdin.resume()
}
