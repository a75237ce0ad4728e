// Starts the window: the desk's store, then the tree. No logic.
import '@mantine/core/styles.layer.css'
import '@mantine/notifications/styles.layer.css'
import './global.css'
import { createRoot } from 'react-dom/client'
import type { DeskBridge } from '../src-shared/bridge-contract'
import { App } from './app'
import { createDeskStore } from './desk-store'
import { DeskContext } from './use-desk'

declare global {
  interface Window {
    readonly desk: DeskBridge
  }
}

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no root')

const store = createDeskStore(window.desk)
store.start()

createRoot(root).render(
  <DeskContext value={store}>
    <App />
  </DeskContext>,
)
