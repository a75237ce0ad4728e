// Where results are saved.
import { Button } from '@mantine/core'
import { useCall } from '../use-call'
import { useSettings } from '../use-desk'
import { useWords } from '../use-speech'
import classes from './output-group.module.css'
import { SavedMark } from './saved-mark'
import { SettingRow } from './setting-row'
import { useSaved } from './use-saved'

export function OutputGroup() {
  const words = useWords()
  const call = useCall()
  const { outputDirShown, outputDirIsDefault } = useSettings()
  const { saved, tell } = useSaved()

  const choose = async (): Promise<void> => {
    if (await call((desk) => desk.chooseOutputFolder())) tell()
  }
  const reset = async (): Promise<void> => {
    if ((await call((desk) => desk.resetOutputFolder())) !== undefined) tell()
  }

  return (
    <SettingRow label={words.settings.output} hint={outputDirIsDefault ? words.settings.outputDefault : undefined}>
      <span className={classes.folder} title={outputDirShown} data-testid="output-folder" data-selectable>
        {outputDirShown}
      </span>
      <Button variant="default" onClick={() => void choose()} data-testid="choose-output">
        {words.settings.choose}
      </Button>
      <Button variant="subtle" color="gray" onClick={() => void call((desk) => desk.openOutputFolder())} data-testid="open-output">
        {words.settings.open}
      </Button>
      {!outputDirIsDefault && (
        <Button variant="subtle" color="gray" onClick={() => void reset()} data-testid="reset-output">
          {words.settings.reset}
        </Button>
      )}
      <SavedMark shown={saved} />
    </SettingRow>
  )
}
