// Real servers instead of the built-in service: addresses, license and secret set by hand, tested, used, and wrong.
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { launchDesk, readText, test } from './desk-app'
import { startBackend, type Backend } from './media'

const license = 'e2e-license-4711-abcd'
const secret = 'e2e-gpu-secret-0815'

let backend: Backend
test.beforeEach(async ({ home }) => {
  backend = await startBackend(join(home, 'server'), { LICENSE_KEYS: license, GPU_SECRET: secret })
})
test.afterEach(() => backend.stop())

test('a license that is missing or wrong keeps the job, says so, and the job runs once it is right', async ({ home }) => {
  const desk = await launchDesk({ home })
  const { page } = desk
  await page.getByTestId('nav-settings').click()
  await page.getByTestId('settings-api-url').fill(backend.apiUrl)
  await page.getByTestId('settings-gpu-url').fill(backend.gpuUrl)
  await page.getByTestId('save-servers').click()
  await expect(page.getByTestId('saved-mark').filter({ hasText: /\S/ })).toHaveCount(1)

  const check = (name: string) => page.locator(`[data-testid="check-row"][data-check="${name}"]`)
  await page.getByTestId('test-connection').click()
  await expect(check('api_reachable')).toHaveAttribute('data-outcome', 'ok')
  await expect(check('api_license')).toHaveAttribute('data-outcome', 'failed')
  await expect(check('gpu_reachable')).toHaveAttribute('data-outcome', 'ok')
  await expect(check('gpu_secret')).toHaveAttribute('data-outcome', 'failed')
  await expect(check('gpu_ready')).toHaveAttribute('data-outcome', 'skipped')
  await expect(check('output_folder')).toHaveAttribute('data-outcome', 'ok')

  await page.getByTestId('settings-license').fill('wrong-license-0000')
  await page.getByTestId('save-license').click()
  await page.getByTestId('settings-gpu-secret').fill(secret)
  await page.getByTestId('save-servers').click()
  await page.getByTestId('nav-new').click()
  await page.getByTestId('use-samples').first().click()
  await expect(page.getByTestId('verdict-audio')).toContainText('可以使用')
  await page.getByTestId('start-job').click()
  await page.getByTestId('nav-history').click()
  const row = page.getByTestId('history-row')
  await expect(row).toHaveAttribute('data-state', 'failed', { timeout: 30_000 })
  await expect(row).toContainText('服务器不认识这个卡密')

  await page.getByTestId('nav-settings').click()
  await page.getByTestId('settings-license').fill(license)
  await page.getByTestId('save-license').click()
  await page.getByTestId('test-connection').click()
  for (const name of ['api_license', 'gpu_secret', 'gpu_ready']) await expect(check(name)).toHaveAttribute('data-outcome', 'ok')
  await page.getByTestId('nav-history').click()
  await row.getByTestId('retry-job').click()
  await expect(row).toHaveAttribute('data-state', 'done', { timeout: 60_000 })
  await desk.close()
})

test('secrets never come back to the window', async ({ home }) => {
  const desk = await launchDesk({ home, env: { LIPSYNC_GPU_SECRET: secret } })
  const { page } = desk
  await page.getByTestId('nav-settings').click()
  await page.getByTestId('settings-license').fill(license)
  await page.getByTestId('save-license').click()
  await expect(page.getByTestId('settings-license')).toHaveValue('')
  const everything = await page.evaluate(async () => {
    const bridge = (window as unknown as { desk: { getSnapshot: () => Promise<unknown>; testConnection: () => Promise<unknown> } }).desk
    return JSON.stringify([await bridge.getSnapshot(), await bridge.testConnection(), document.documentElement.outerHTML])
  })
  expect(everything).toContain('"licenseKey":"app"')
  expect(everything).toContain('"gpuSecret":"environment"')
  expect(everything).not.toContain(license)
  expect(everything).not.toContain(secret)
  // Without a keyring it lies in a file that only this user reads, and the window says so.
  await expect(page.getByTestId('secret-protection')).toBeVisible()
  expect(await readText(join(home, 'desk/settings.json'))).toContain(license)
  await desk.close()
})

test('the app quits where it has no service of its own to wait for', async ({ home }) => {
  const desk = await launchDesk({ home, env: { API_SERVER_URL: backend.apiUrl, HEYGEM_SERVER_URL: backend.gpuUrl } })
  const quit = desk.app.waitForEvent('close', { timeout: 20_000 })
  await desk.app.evaluate(({ app }) => app.quit())
  await quit
})
