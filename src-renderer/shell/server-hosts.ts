// Which servers are in use, short enough for the status line.
import type { SettingsView } from '../../src-shared/settings'

const hostOf = (address: string): string => {
  try {
    return new URL(address).host
  } catch {
    return address
  }
}

/** One host when both addresses share it. */
export function serverHosts(settings: SettingsView): string {
  const api = hostOf(settings.apiUrl || settings.environmentApiUrl)
  const gpu = hostOf(settings.gpuUrl || settings.environmentGpuUrl)
  return [...new Set([api, gpu])].filter((host) => host !== '').join(' · ')
}
