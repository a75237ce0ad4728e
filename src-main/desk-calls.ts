// What each call of the bridge does: the desk's functions with the system's dialogs around them.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { dialog, shell, type BrowserWindow, type OpenDialogOptions } from 'electron'
import type { JobView, RuntimeView, ServiceView } from '../src-shared/bridge-contract'
import { DeskError } from '../src-shared/errors'
import { dialogWords, type DialogWords } from '../src-shared/words/dialogs'
import type { BridgeHandlers } from './bridge-handlers'
import { testConnection } from './connection-test'
import type { Desk } from './desk'
import type { Job } from '../src-shared/job'
import type { LocalService } from './local-service'
import type { PickedFiles } from './picked-files'
import type { SettingsStore } from './settings-store'
import { statFile } from './submitter/media-probe'

export interface DeskCallsDeps {
  readonly desk: Desk
  readonly settings: SettingsStore
  readonly pickedFiles: PickedFiles
  readonly localService: LocalService
  readonly serviceView: () => ServiceView
  readonly runtime: RuntimeView
  readonly samplesDir: string
  readonly window: () => BrowserWindow | null
  readonly viewOf: (job: Job) => JobView
  /** After settings or secrets changed. */
  readonly settingsChanged: () => void
}

const extensions = {
  video: ['mp4', 'mov', 'mkv', 'webm', 'avi', 'flv', 'wmv', 'm4v', 'ts', 'mts', 'm2ts', 'mpg', 'mpeg', '3gp'],
  audio: ['wav', 'mp3', 'm4a', 'aac', 'flac', 'ogg', 'opus', 'wma', 'aiff', 'aif', 'amr', 'mp4', 'mov', 'mkv'],
} as const

export function createDeskCalls(deps: DeskCallsDeps): BridgeHandlers {
  const { desk, settings, pickedFiles } = deps
  const words = (): DialogWords => dialogWords[settings.view().resolvedLanguage]

  const openDialog = async (options: OpenDialogOptions): Promise<string | null> => {
    const window = deps.window()
    const { canceled, filePaths } = window === null ? await dialog.showOpenDialog(options) : await dialog.showOpenDialog(window, options)
    return canceled ? null : (filePaths[0] ?? null)
  }
  const chooseFolder = (title: string, defaultPath: string): Promise<string | null> => openDialog({ title, defaultPath, properties: ['openDirectory', 'createDirectory'] })

  /** The default folder is ours to make; one that the person chose is not made again when it is gone. */
  const prepareOutput = async (): Promise<string> => {
    const dir = settings.outputDir()
    if (settings.view().outputDirIsDefault) await mkdir(dir, { recursive: true }).catch(() => undefined)
    return dir
  }

  return {
    getSnapshot: () => ({
      jobs: desk.submitter.jobs().map(deps.viewOf),
      settings: settings.view(),
      service: deps.serviceView(),
      runtime: deps.runtime,
    }),
    pickFile: async (role) => {
      const path = await openDialog({
        title: words().pickTitle[role],
        properties: ['openFile'],
        filters: [
          { name: words().filterNames[role], extensions: [...extensions[role]] },
          { name: words().allFiles, extensions: ['*'] },
        ],
      })
      return path === null ? null : pickedFiles.take(path, role)
    },
    takeDroppedFile: (path, role) => pickedFiles.take(path, role),
    releaseFile: (token) => {
      pickedFiles.release(token)
      return null
    },
    addJob: async ({ videoToken, audioToken }) => {
      const video = pickedFiles.input(videoToken, 'video')
      const audio = pickedFiles.input(audioToken, 'audio')
      return deps.viewOf(desk.submitter.add({ video, audio, outputDir: await prepareOutput() }))
    },
    cancelJob: (id) => {
      desk.submitter.cancel(id)
      return null
    },
    retryJob: (id) => {
      desk.submitter.retry(id)
      return null
    },
    removeJob: (id) => {
      desk.submitter.remove(id)
      return null
    },
    showResultInFolder: async (id) => {
      const job = desk.submitter.get(id)
      if (job?.state.kind !== 'done') throw new DeskError('not_now')
      const { path } = job.state.result
      await statFile(path).catch(() => {
        throw new DeskError('result_gone', { file: path })
      })
      shell.showItemInFolder(path)
      return null
    },
    changeJobFolder: async (id) => {
      const job = desk.submitter.get(id)
      if (job === null) throw new DeskError('job_unknown')
      const dir = await chooseFolder(words().outputTitle, job.outputDir)
      if (dir === null) return false
      desk.submitter.changeFolder(id, dir)
      return true
    },
    chooseOutputFolder: async () => {
      const dir = await chooseFolder(words().outputTitle, settings.outputDir())
      if (dir === null) return false
      settings.saveOutputDir(dir)
      deps.settingsChanged()
      return true
    },
    resetOutputFolder: () => {
      settings.saveOutputDir('')
      deps.settingsChanged()
      return null
    },
    openOutputFolder: async () => {
      const dir = await prepareOutput()
      // openPath answers a text when it fails; it is the system's and not shown.
      if ((await shell.openPath(dir)) !== '') throw new DeskError('output_missing', { folder: dir })
      return null
    },
    saveSettings: (patch) => {
      settings.save(patch)
      deps.settingsChanged()
      return null
    },
    saveSecret: (name, value) => {
      settings.saveSecret(name, value)
      deps.settingsChanged()
      return null
    },
    testConnection: () => testConnection(desk.servers, desk.store.memory, prepareOutput),
    restartService: async () => {
      await deps.localService.ensure(new AbortController().signal)
      return null
    },
    pickSamples: async () => ({
      video: await pickedFiles.take(join(deps.samplesDir, 'presenter.mp4'), 'video'),
      audio: await pickedFiles.take(join(deps.samplesDir, 'voice.wav'), 'audio'),
    }),
  }
}
