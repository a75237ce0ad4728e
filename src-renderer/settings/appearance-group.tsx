// Appearance: theme and language, at once.
import { SegmentedControl } from '@mantine/core'
import { languages, themes, type SettingsPatch } from '../../src-shared/settings'
import { useCall } from '../use-call'
import { useSettings } from '../use-desk'
import { useWords } from '../use-speech'
import { SettingRow } from './setting-row'

export function AppearanceGroup() {
  const words = useWords()
  const call = useCall()
  const settings = useSettings()
  const save = (patch: SettingsPatch): void => void call((desk) => desk.saveSettings(patch))
  return (
    <>
      <SettingRow label={words.settings.theme}>
        <SegmentedControl
          aria-label={words.settings.theme}
          data={themes.map((value) => ({ value, label: words.settings.themes[value] }))}
          value={settings.theme}
          onChange={(theme) => save({ theme })}
          data-testid="theme-select"
        />
      </SettingRow>
      <SettingRow label={words.settings.language}>
        <SegmentedControl
          aria-label={words.settings.language}
          data={languages.map((value) => ({ value, label: words.settings.languages[value] }))}
          value={settings.language}
          onChange={(language) => save({ language })}
          data-testid="language-select"
        />
      </SettingRow>
    </>
  )
}
