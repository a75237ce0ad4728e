// About: what runs here, and under which license.
import { useRuntime } from '../use-desk'
import { useWords } from '../use-speech'
import { SettingRow } from './setting-row'

export function AboutGroup() {
  const words = useWords()
  const runtime = useRuntime()
  return (
    <>
      <SettingRow label={words.settings.version}>
        <span data-selectable>
          {words.appName} {runtime.appVersion}
        </span>
      </SettingRow>
      <SettingRow label={words.settings.runtime} hint={runtime.isFallback ? words.settings.runtimeFallback : words.settings.runtimePinned}>
        <span className="tabular" data-selectable>
          Electron {runtime.electronVersion} · Chromium {runtime.chromeVersion} · Node.js {runtime.nodeVersion}
        </span>
      </SettingRow>
      <SettingRow label={words.settings.ownLicense} hint={words.settings.openSource}>
        <span>{words.settings.licenseMit}</span>
      </SettingRow>
    </>
  )
}
