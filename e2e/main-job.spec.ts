// The main job by hand in the real window: pick, start, watch every stage, play the result, find it after a restart.
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type Page } from '@playwright/test'
import { launchDesk, sampleAudio, test } from './desk-app'
import { makeLargePresenter, makeVoice, probe } from './media'

/** Notes every state that the job's row goes through, in the page, so that none is missed between two looks. */
async function noteStates(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: string[] = []
    const note = (): void => {
      const state = document.querySelector('[data-testid="job-row"]')?.getAttribute('data-state')
      if (state && seen.at(-1) !== state) seen.push(state)
    }
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-state'] })
    note()
    Object.assign(window, { seenStates: seen })
  })
  return () => page.evaluate(() => (window as unknown as { seenStates: string[] }).seenStates)
}

test('a person picks a video and a voice and gets a rendered video', async ({ home }) => {
  const video = await makeLargePresenter(join(home, '主播 演示 🎬.MP4'), 400 * 1024 * 1024)
  const audio = await makeVoice(join(home, '配音 第一段.wav'), 40)
  const results = join(home, '成片')
  await mkdir(results)
  let desk = await launchDesk({ home })
  let { page } = desk

  await page.getByTestId('nav-settings').click()
  await desk.answerDialogs([results])
  await page.getByTestId('choose-output').click()
  await expect(page.getByTestId('output-folder')).toContainText('成片')

  await page.getByTestId('nav-new').click()
  await desk.answerDialogs([video, audio])
  await page.getByTestId('pick-video').click()
  await expect(page.getByTestId('verdict-video')).toContainText('可以使用')
  await expect(page.getByTestId('slot-video')).toContainText('400 MB')
  await expect(page.getByTestId('slot-video')).toContainText('540×960')
  await page.getByTestId('pick-audio').click()
  await expect(page.getByTestId('verdict-audio')).toContainText('可以使用')
  await expect(page.getByTestId('slot-audio')).toContainText('0:40')

  const seenStates = await noteStates(page)
  await page.getByTestId('start-job').click()
  const row = page.getByTestId('job-row')
  await expect(row).toHaveAttribute('data-state', 'rendering', { timeout: 60_000 })
  await expect(row.getByTestId('job-stage')).toContainText('渲染')
  await expect(row).toContainText('帧')
  await expect(row.getByTestId('job-progress')).toBeVisible()

  // It leaves the queue by itself when it is done.
  await expect(row).toHaveCount(0, { timeout: 60_000 })
  const states = await seenStates()
  expect(states.filter((state) => ['hashing', 'uploading', 'rendering'].includes(state))).toEqual(['hashing', 'uploading', 'rendering'])

  await page.getByTestId('nav-history').click()
  await expect(page.getByTestId('history-row')).toHaveAttribute('data-state', 'done')
  const files = (await readdir(results)).filter((name) => !name.startsWith('.'))
  expect(files).toEqual(['主播 演示 🎬-配音 第一段.mp4'])
  expect(await readdir(results)).toEqual(files)
  const found = await probe(join(results, files[0] ?? ''))
  expect(found).toMatchObject({ videoCodec: 'h264', audioCodec: 'aac' })
  expect(Math.abs(found.durationSec - 40)).toBeLessThan(0.5)

  await desk.close()
  desk = await launchDesk({ home })
  page = desk.page
  await page.getByTestId('nav-history').click()
  await page.getByTestId('history-row').getByTestId('play-result').click()
  const player = page.getByTestId('player-video')
  await expect.poll(() => player.evaluate((element: HTMLVideoElement) => element.currentTime), { timeout: 20_000 }).toBeGreaterThan(0.3)
  expect(await player.evaluate((element: HTMLVideoElement) => ({ width: element.videoWidth, seconds: Math.round(element.duration) }))).toEqual({ width: 540, seconds: 40 })
  // Seeking needs byte ranges from the app's own media scheme.
  await player.evaluate((element: HTMLVideoElement) => {
    element.pause()
    element.currentTime = 30
  })
  await expect.poll(() => player.evaluate((element: HTMLVideoElement) => Math.round(element.currentTime) === 30 && element.readyState >= 2)).toBe(true)
  await desk.close()
})

test('files dropped on the window find their places, the samples work, a job can be cancelled and tried again', async ({ home }) => {
  const audio = await makeVoice(join(home, 'long.wav'), 240)
  const video = await makeLargePresenter(join(home, 'presenter.mp4'), 1024 * 1024)
  const desk = await launchDesk({ home })
  const { page } = desk
  const devtools = await page.context().newCDPSession(page)
  const drop = async (path: string): Promise<void> => {
    // On the heading: a slot would take it for its own role.
    const data = { items: [], files: [path], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await devtools.send('Input.dispatchDragEvent', { type, x: 500, y: 24, data })
  }
  await drop(audio)
  await expect(page.getByTestId('verdict-audio')).toContainText('可以使用')
  await drop(video)
  await expect(page.getByTestId('verdict-video')).toContainText('可以使用')

  await page.getByTestId('start-job').click()
  const row = page.getByTestId('job-row')
  await expect(row).toHaveAttribute('data-state', 'rendering', { timeout: 30_000 })
  await row.getByTestId('cancel-job').click()
  await page.getByTestId('confirm-yes').click()
  await expect(row).toHaveCount(0)
  await page.getByTestId('nav-history').click()
  await expect(page.getByTestId('history-row')).toHaveAttribute('data-state', 'cancelled')

  await page.getByTestId('history-row').getByTestId('retry-job').click()
  await page.getByTestId('nav-queue').click()
  await expect(page.getByTestId('job-row')).toHaveAttribute('data-state', /hashing|uploading|submitting|waiting|rendering/)
  await desk.close()
})

test('a file that cannot be used says why before anything is sent', async ({ home }) => {
  const desk = await launchDesk({ home })
  const { page } = desk
  await desk.answerDialogs([sampleAudio, join(home, 'gone.wav')])
  await page.getByTestId('pick-video').click()
  await expect(page.getByTestId('verdict-video')).toContainText('没有画面')
  await page.getByTestId('pick-audio').click()
  await expect(page.getByTestId('verdict-audio')).toContainText('找不到')
  await expect(page.getByTestId('start-job')).toBeDisabled()
  await desk.close()
})
