// The one window: its walls, its size, and what it may do.
import { BrowserWindow, nativeTheme, screen, session } from 'electron'
import type { Settings } from '../src-shared/settings'
import { appOrigin, appUrl } from './app-protocol'

const minSize = { width: 960, height: 600 }
const wishedSize = { width: 1240, height: 800 }

export function createWindow(preloadPath: string, iconPath: string): BrowserWindow {
  const { width, height } = screen.getPrimaryDisplay().workAreaSize
  const window = new BrowserWindow({
    width: Math.min(wishedSize.width, width),
    height: Math.min(wishedSize.height, height),
    minWidth: minSize.width,
    minHeight: minSize.height,
    title: '口型工坊 LipSync Desk',
    icon: iconPath,
    show: false,
    // Before the first paint the window already has its theme's colour: no white flash.
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#16181d' : '#f4f5f7',
    autoHideMenuBar: true,
    webPreferences: {
      preload: preloadPath,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  })
  window.once('ready-to-show', () => window.show())
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }))
  window.webContents.on('will-navigate', (event, url) => {
    // A file dropped beside its target, a link: the window stays what it is.
    if (!url.startsWith(`${appOrigin}/`)) event.preventDefault()
  })
  window.webContents.on('will-attach-webview', (event) => event.preventDefault())
  void window.loadURL(appUrl)
  return window
}

/** Nothing in the window needs a permission but going full screen with a video. */
export function refusePermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide) => decide(permission === 'fullscreen'))
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => permission === 'fullscreen')
}

export const applyTheme = (theme: Settings['theme']): void => void (nativeTheme.themeSource = theme)
