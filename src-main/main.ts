// The desktop app: builds its parts and connects them.
import { join } from 'node:path'
import { app, BrowserWindow, Menu } from 'electron'
import type { BridgeEvents, ServiceView } from '../src-shared/bridge-contract'
import { bridgeChannel, type BridgeEvent } from '../src-shared/bridge-names'
import type { Job } from '../src-shared/job'
import { appOrigin, mediaUrlOf, registerSchemes, serveApp, serveMedia } from './app-protocol'
import { serveBridge } from './bridge-handlers'
import { openDesk } from './desk'
import { createDeskCalls } from './desk-calls'
import { deskHome } from './desk-home'
import { readEnvironment } from './environment'
import { createJobNews } from './job-news'
import { jobView, pathOfJobFile } from './job-view'
import { launchUtility } from './launch-utility'
import { createLocalService } from './local-service'
import { createPickedFiles } from './picked-files'
import { openSettingsStore } from './settings-store'
import { applyTheme, createWindow, refusePermissions } from './window'

// Put in by the build from package.json: what this program is meant to run on.
declare const __PINNED_ELECTRON__: string

const here = import.meta.dirname
const home = deskHome(process.env)
const logFault = (where: string, thrown: unknown): void => console.error(where, thrown)

// Chromium's own files lie in a folder of their own; the ledger and the settings beside it are shared with the CLI.
app.setPath('userData', join(home.dir, 'window'))
registerSchemes()

if (app.requestSingleInstanceLock()) {
  app.whenReady().then(start, (thrown: unknown) => {
    logFault('start', thrown)
    app.exit(1)
  })
} else {
  app.exit(0)
}

async function start(): Promise<void> {
  if (process.platform !== 'darwin') Menu.setApplicationMenu(null)
  let window: BrowserWindow | null = null
  const send = <E extends BridgeEvent>(event: E, message: BridgeEvents[E]): void => {
    if (window !== null && !window.isDestroyed()) window.webContents.send(bridgeChannel(event), message)
  }

  const settings = openSettingsStore(home, readEnvironment(process.env, [process.cwd(), home.dir]))
  applyTheme(settings.view().theme)
  const localService = createLocalService(home.serviceDir, launchUtility(new URL('./backend.js', import.meta.url)), process.env)
  const serviceView = (): ServiceView => (settings.view().usesBuiltInService ? localService.view() : { kind: 'off' })
  const desk = await openDesk({
    home,
    env: process.env,
    serverChoice: settings.serverChoice,
    localService,
    hashWorkerUrl: new URL('./hash-worker.js', import.meta.url),
    waitForGpu: true,
    logFault,
  })
  const pickedFiles = createPickedFiles(mediaUrlOf)
  const viewOf = (job: Job) => jobView(job, mediaUrlOf)

  serveApp(join(here, '../renderer'))
  serveMedia((token) => pickedFiles.pathOf(token) ?? pathOfJobFile(token, desk.submitter.get))
  refusePermissions()
  serveBridge(
    createDeskCalls({
      desk,
      settings,
      pickedFiles,
      localService,
      serviceView,
      runtime: {
        appVersion: app.getVersion(),
        electronVersion: process.versions.electron,
        chromeVersion: process.versions.chrome,
        nodeVersion: process.versions.node,
        isFallback: process.versions.electron !== __PINNED_ELECTRON__,
        platform: process.platform === 'win32' || process.platform === 'darwin' ? process.platform : 'linux',
      },
      // electron-builder.yml puts them beside the archive, where the file system can play them.
      samplesDir: app.isPackaged ? join(process.resourcesPath, 'sample') : join(app.getAppPath(), 'assets', 'sample'),
      window: () => window,
      viewOf,
      settingsChanged: () => {
        applyTheme(settings.view().theme)
        send('settingsChanged', settings.view())
        send('serviceChanged', serviceView())
        warmService()
      },
    }),
    (event) => window !== null && event.senderFrame === window.webContents.mainFrame && event.senderFrame.url.startsWith(`${appOrigin}/`),
    logFault,
  )
  createJobNews(desk.submitter, viewOf, (message) => send('jobsChanged', message))
  localService.onChange(() => send('serviceChanged', serviceView()))

  // Started with the window, so that the first job does not wait for it; a failure is shown by its view.
  function warmService(): void {
    if (settings.view().usesBuiltInService) localService.ensure(new AbortController().signal).catch(() => undefined)
  }
  const open = (): void => {
    window = createWindow(join(here, '../preload/preload.cjs'), join(app.getAppPath(), 'assets', 'icon.png'))
    window.on('closed', () => (window = null))
  }
  open()
  warmService()
  desk.submitter.resume()

  app.on('second-instance', () => {
    if (window?.isMinimized() === true) window.restore()
    window?.focus()
  })
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) open()
  })
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  let closed = false
  app.on('will-quit', (event) => {
    if (closed) return
    // Work in flight is stopped, not ended: the next start goes on with it.
    event.preventDefault()
    closed = true
    // In a turn of its own: asked for within this event, Electron forgets the second quit and stays.
    void desk.close().finally(() => setImmediate(() => app.quit()))
  })
}
