// Leaves a picture of every screen and state in e2e/screenshots: both languages, both themes, two sizes. States that are
// hard to reach are sent to the real window as messages of the bridge contract.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type Page } from '@playwright/test'
import type { BridgeEvents, JobView } from '../src-shared/bridge-contract'
import type { ErrorCode } from '../src-shared/errors'
import { launchDesk, projectRoot, sampleAudio, test, type DeskApp } from './desk-app'

const folder = join(projectRoot, 'e2e/screenshots')
const sizes = [
  { width: 1366, height: 768 },
  { width: 1920, height: 1080 },
] as const
const longName = '2026 秋季新品发布会 · 主播 陈老师 · 第十二场直播切片精选（最终版·修订 3）🎬🎙️ final cut with a rather long English tail.mp4'

type Bridge = Record<string, (...args: unknown[]) => Promise<{ ok: boolean; value: never }>>
const call = <T>(page: Page, name: string, ...args: unknown[]): Promise<T> =>
  page.evaluate(async ([method, values]) => {
    const reply = await (window as unknown as { desk: Bridge }).desk[method]?.(...values)
    if (reply?.ok !== true) throw new Error(`${method} failed`)
    return reply.value
  }, [name, args] as const)

const send = ({ app }: DeskApp, message: BridgeEvents['jobsChanged']): Promise<void> =>
  app.evaluate(({ BrowserWindow }, sent) => BrowserWindow.getAllWindows()[0]?.webContents.send('desk:jobsChanged', sent), message)

/** Every state a row can be in, made from one real job. */
function everyState(real: JobView): JobView[] {
  const bytes = { unit: 'bytes', total: 4_812_345_678, perSecond: 2_345_678, estimated: false } as const
  const startedAtMs = real.createdAtMs
  const failure = (code: ErrorCode, detail: Record<string, string | number> = {}): JobView['state'] => ({ kind: 'failed', during: 'uploading', error: { code, detail } })
  const states: JobView['state'][] = [
    { kind: 'hashing', progress: { ...bytes, done: 1_203_000_000, perSecond: 812_000_000, secondsLeft: 4 } },
    { kind: 'uploading', file: 'video', progress: { ...bytes, done: 3_123_456_789, secondsLeft: 719 }, awaitingReply: false },
    { kind: 'uploading', file: 'audio', progress: { ...bytes, done: 4_812_345_678, secondsLeft: 0 }, awaitingReply: true },
    { kind: 'submitting' },
    { kind: 'rendering', progress: { unit: 'frames', done: 1250, total: 9000, perSecond: 24.6, secondsLeft: 315, estimated: false } },
    { kind: 'rendering', progress: { unit: 'percent', done: 20, total: 100, perSecond: null, secondsLeft: null, estimated: true } },
    { kind: 'downloading', progress: { ...bytes, total: 88_000_000, done: 41_000_000, secondsLeft: 20 } },
    { kind: 'cancelling' },
    { kind: 'waking', sinceMs: startedAtMs - 40_000, usualMs: 95_000, power: 'starting', trouble: null, inputsStored: true },
    { kind: 'waking', sinceMs: startedAtMs - 70_000, usualMs: null, power: 'unknown', trouble: 'nobody', inputsStored: false },
    { kind: 'waiting', position: 3 },
    { kind: 'waiting', position: null },
    { kind: 'queued' },
    failure('server_unreachable', { server: 'gpu', host: 'gpu.example.com:8383' }),
    failure('license_expired'),
    failure('output_missing', { folder: '成片' }),
    failure('file_changed', { file: longName }),
    failure('task_failed', { said: '存在多人脸：视频中检测到多于一张人脸，请更换视频后再试' }),
    { kind: 'cancelled' },
  ]
  return states.map((state, index) => ({
    ...real,
    id: `state-${index}`,
    createdAtMs: startedAtMs - index * 3_600_000 * 5,
    updatedAtMs: startedAtMs - index * 3_600_000 * 5,
    name: index === 1 ? longName : real.name,
    video: index === 1 || index === 16 ? { ...real.video, name: longName } : real.video,
    taskId: index > 3 ? `heygem_66f0c0ffee${index}` : null,
    stageStartedAtMs: { hashing: startedAtMs - 60_000, uploading: startedAtMs - 50_000 },
    state,
  }))
}

test('leaves a picture of every screen and state', async ({ home }) => {
  test.setTimeout(300_000)
  await mkdir(folder, { recursive: true })
  const desk = await launchDesk({ home, env: { LIPSYNC_LICENSE_KEY: 'e2e-license' } })
  const { page } = desk

  const picture = async (name: string): Promise<void> => {
    for (const language of ['zh-CN', 'en']) {
      for (const theme of ['light', 'dark']) {
        await call(page, 'saveSettings', { language, theme })
        await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', theme)
        for (const { width, height } of sizes) {
          await desk.app.evaluate(({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]?.setContentSize(size.width, size.height), { width, height })
          await expect.poll(() => page.evaluate(() => innerWidth)).toBe(width)
          await page.screenshot({ path: join(folder, `${name}-${language}-${theme}-${width}.png`), animations: 'disabled' })
          // Nothing may stick out of the window to the side.
          expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${name} ${language} ${width}`).toBe(0)
        }
      }
    }
  }

  await expect(page.getByTestId('service-status')).toBeVisible()
  await picture('new-empty')
  for (const screen of ['queue', 'history']) {
    await page.getByTestId(`nav-${screen}`).click()
    await picture(`${screen}-empty`)
  }
  await page.getByTestId('nav-settings').click()
  await picture('settings')
  await page.getByTestId('test-connection').click()
  // The built-in worker is off until a job comes.
  await expect(page.locator('[data-testid="check-row"][data-check="gpu_reachable"]')).toHaveAttribute('data-outcome', 'asleep')
  await page.getByTestId('test-connection').scrollIntoViewIfNeeded()
  await picture('settings-tested')

  await page.getByTestId('nav-new').click()
  await desk.answerDialogs([sampleAudio])
  await page.getByTestId('pick-video').click()
  await expect(page.getByTestId('verdict-video')).toBeVisible()
  await picture('new-cannot')
  await page.getByTestId('remove-video').click()
  await page.getByTestId('use-samples').first().click()
  await expect(page.getByTestId('verdict-audio')).toBeVisible()
  await picture('new-ready')
  await page.getByTestId('start-job').click()
  await page.getByTestId('nav-history').click()
  await expect(page.getByTestId('history-row')).toHaveAttribute('data-state', 'done', { timeout: 60_000 })
  await picture('history-one')
  await page.getByTestId('play-result').click()
  await expect(page.getByTestId('player-video')).toBeVisible()
  await picture('player')
  await page.keyboard.press('Escape')

  const [real] = (await call<{ jobs: JobView[] }>(page, 'getSnapshot')).jobs
  if (real === undefined) throw new Error('no job')
  await send(desk, { changed: everyState(real), removed: [] })
  await page.getByTestId('nav-queue').click()
  await expect(page.getByTestId('job-row')).toHaveCount(13)
  await picture('queue-every-state')
  await page.getByTestId('job-details').first().click()
  await picture('queue-details')
  await page.getByTestId('nav-history').click()
  await expect(page.getByTestId('history-row')).toHaveCount(7)
  await picture('history-every-state')

  const many = Array.from({ length: 1000 }, (_, index): JobView => ({ ...real, id: `many-${index}`, createdAtMs: real.createdAtMs - index * 60_000 }))
  await send(desk, { changed: many, removed: [] })
  await picture('history-many')
  await desk.close()
})
