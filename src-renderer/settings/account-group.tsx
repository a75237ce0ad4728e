// Account: the license key.
import { Button } from '@mantine/core'
import { IconLockOpen } from '@tabler/icons-react'
import { useState } from 'react'
import { Notice } from '../parts/notice'
import { useCall } from '../use-call'
import { useSettings } from '../use-desk'
import { useWords } from '../use-speech'
import classes from './account-group.module.css'
import { SavedMark } from './saved-mark'
import { SecretInput } from './secret-input'
import { SettingRow } from './setting-row'
import { useSaved } from './use-saved'

export function AccountGroup() {
  const words = useWords()
  const call = useCall()
  const { secretProtection } = useSettings()
  const [draft, setDraft] = useState('')
  const { saved, tell } = useSaved()

  const save = async (): Promise<void> => {
    const key = draft.trim()
    if (key === '') return
    const reply = await call((desk) => desk.saveSecret('licenseKey', key))
    if (reply === undefined) return
    setDraft('')
    tell()
  }

  return (
    <>
      <SettingRow label={words.settings.license} htmlFor="license" hint={words.settings.licenseHint}>
        <SecretInput
          id="license"
          secret="licenseKey"
          draft={draft}
          onDraft={setDraft}
          onEnter={() => void save()}
          save={
            <>
              <Button disabled={draft.trim() === ''} onClick={() => void save()} data-testid="save-license">
                {words.settings.save}
              </Button>
              <SavedMark shown={saved} />
            </>
          }
          testId="settings-license"
          forgetTestId="forget-license"
        />
      </SettingRow>
      {secretProtection === 'file' && (
        <Notice kind="warn" icon={IconLockOpen} className={classes.warning} testId="secret-protection">
          {words.settings.protectionFile}
        </Notice>
      )}
    </>
  )
}
