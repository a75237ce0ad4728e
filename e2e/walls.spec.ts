// What the window must not be able to do, tried from inside the window.
import { expect } from '@playwright/test'
import { launchDesk, sampleVideo, test } from './desk-app'

test('the window is sandboxed, isolated, and holds tokens instead of paths', async ({ home }) => {
  const desk = await launchDesk({ home })
  const { page } = desk
  expect(page.url()).toMatch(/^desk-app:\/\/desk\//)
  expect(await page.evaluate(() => [typeof (globalThis as { require?: unknown }).require, typeof (globalThis as { process?: unknown }).process, typeof (globalThis as { module?: unknown }).module])).toEqual(['undefined', 'undefined', 'undefined'])
  const preferences = await desk.app.evaluate(({ BrowserWindow }) => {
    const { sandbox, contextIsolation, nodeIntegration } = (BrowserWindow.getAllWindows()[0]?.webContents as unknown as { getLastWebPreferences: () => Record<string, unknown> }).getLastWebPreferences()
    return { sandbox, contextIsolation, nodeIntegration }
  })
  expect(preferences).toEqual({ sandbox: true, contextIsolation: true, nodeIntegration: false })

  await desk.answerDialogs([sampleVideo])
  const picked = await page.evaluate(async () => (window as unknown as { desk: { pickFile: (role: string) => Promise<unknown> } }).desk.pickFile('video'))
  expect(JSON.stringify(picked)).toContain('presenter.mp4')
  expect(JSON.stringify(picked)).not.toContain('assets/sample')
  await desk.close()
})

test('the policy stops inline scripts, eval and foreign addresses; other places are not served', async ({ home }) => {
  const desk = await launchDesk({ home })
  const { page } = desk
  const tried = await page.evaluate(async () => {
    const inline = document.createElement('script')
    inline.textContent = 'window.inlineRan = true'
    document.head.append(inline)
    // In a callback of the page's own: what the test itself runs is exempt from the policy.
    const evaluated = await new Promise<boolean>((resolve) => {
      setTimeout(() => {
        try {
          // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- what must not work is tried
          new Function('return 1')()
          resolve(true)
        } catch {
          resolve(false)
        }
      })
    })
    const reach = (url: string): Promise<string> => fetch(url).then((reply) => String(reply.status), () => 'refused')
    const image = (url: string): Promise<boolean> =>
      new Promise((resolve) => {
        const element = new Image()
        element.onload = () => resolve(true)
        element.onerror = () => resolve(false)
        element.src = url
      })
    return {
      inlineRan: 'inlineRan' in window,
      evaluated,
      network: await reach('http://127.0.0.1:9/'),
      outside: await reach('desk-app://desk/..%2f..%2fpackage.json'),
      otherHost: await reach('desk-app://other/index.html'),
      media: await image('desk-media://file/..%2f..%2fassets%2ficon.png'),
      file: await image('file:///etc/hostname'),
    }
  })
  expect(tried).toEqual({ inlineRan: false, evaluated: false, network: 'refused', outside: '404', otherHost: 'refused', media: false, file: false })
  await desk.close()
})

test('the window does not navigate away, opens no other, and answers only calls that fit', async ({ home }) => {
  const desk = await launchDesk({ home })
  const { page } = desk
  const before = page.url()
  await page.evaluate(() => {
    window.open('https://example.invalid/')
    location.href = 'https://example.invalid/'
  })
  await expect.poll(() => page.url()).toBe(before)
  expect(desk.app.windows()).toHaveLength(1)
  const replies = await page.evaluate(async () => {
    const bridge = (window as unknown as { desk: Record<string, (...args: unknown[]) => Promise<unknown>> }).desk
    return Promise.all([bridge['pickFile']?.('../etc'), bridge['addJob']?.({ videoToken: '/etc/passwd', audioToken: 'x' }), bridge['cancelJob']?.({}), bridge['saveSecret']?.('home', 'x')])
  })
  for (const reply of replies) expect(reply).toMatchObject({ ok: false })
  expect(JSON.stringify(replies)).not.toContain('ZodError')
  await desk.close()
})
