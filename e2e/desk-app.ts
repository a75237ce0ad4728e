// Starts the real program for a test: a home of its own, Playwright at its window, the system's dialogs answered.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { _electron, test as base, type ElectronApplication, type Page } from '@playwright/test'

export const projectRoot = resolve(import.meta.dirname, '..')
export const sampleVideo = join(projectRoot, 'assets/sample/presenter.mp4')
export const sampleAudio = join(projectRoot, 'assets/sample/voice.wav')

export interface DeskApp {
  readonly app: ElectronApplication
  readonly page: Page
  /** The next native open dialogs answer these paths, in order; null is "cancelled". */
  readonly answerDialogs: (paths: readonly (string | null)[]) => Promise<void>
  readonly close: () => Promise<void>
}

export interface LaunchOptions {
  readonly home: string
  readonly env?: Readonly<Record<string, string>>
  readonly size?: { readonly width: number; readonly height: number }
}

export async function launchDesk({ home, env = {}, size }: LaunchOptions): Promise<DeskApp> {
  const executablePath = process.env['LIPSYNC_ELECTRON']
  if (executablePath === undefined) throw new Error('LIPSYNC_ELECTRON is not set: run the tests with `npm test`')
  const inherited = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined))
  const app = await _electron.launch({
    executablePath,
    // Root has no Chromium sandbox on Linux; for tests only, and never in the product.
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', projectRoot],
    env: { ...inherited, HOME: home, LIPSYNC_HOME: join(home, 'desk'), LANG: 'zh_CN.UTF-8', LANGUAGE: 'zh_CN', ...env },
    cwd: home,
  })
  const page = await app.firstWindow()
  if (size !== undefined) {
    await app.evaluate(({ BrowserWindow }, wished) => BrowserWindow.getAllWindows()[0]?.setContentSize(wished.width, wished.height), size)
  }
  // The screens load when they are opened: the first one is there when its first button is.
  await page.getByTestId('pick-audio').waitFor()
  return {
    app,
    page,
    answerDialogs: (paths) =>
      app.evaluate(({ dialog }, answers) => {
        const left = [...answers]
        // A native dialog cannot be driven from outside; what it answers can be given.
        dialog.showOpenDialog = () => {
          const path = left.shift() ?? null
          return Promise.resolve({ canceled: path === null, filePaths: path === null ? [] : [path] })
        }
      }, paths),
    close: () => app.close(),
  }
}

/** `home`: an empty folder that is removed when the test is over. */
export const test = base.extend<{ home: string }>({
   
  home: async ({}, use) => {
    const home = await mkdtemp(join(tmpdir(), 'lipsync-e2e-'))
    await use(home)
    await rm(home, { recursive: true, force: true })
  },
})

export const readText = (path: string): Promise<string> => readFile(path, 'utf8')
