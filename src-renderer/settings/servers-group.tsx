// Servers: two addresses and their secrets, saved together, and the connection test.
import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useCall } from '../use-call'
import { useSettings } from '../use-desk'
import { useWords } from '../use-speech'
import { ConnectionTest } from './connection-test'
import { SavedMark } from './saved-mark'
import { SecretInput } from './secret-input'
import { checkAddresses, type AddressCheck } from './server-drafts'
import classes from './servers-group.module.css'
import { SettingRow } from './setting-row'
import { useSaved } from './use-saved'

/** Null where the person has typed nothing: then the saved value shows, whatever it changes to. */
interface Drafts {
  readonly apiUrl: string | null
  readonly gpuUrl: string | null
  readonly apiSecret: string
  readonly gpuSecret: string
}

const noDrafts: Drafts = { apiUrl: null, gpuUrl: null, apiSecret: '', gpuSecret: '' }

export function ServersGroup() {
  const words = useWords()
  const call = useCall()
  const settings = useSettings()
  const [drafts, setDrafts] = useState(noDrafts)
  /** Faults are shown once a field was left, not while it is typed. */
  const [left, setLeft] = useState(false)
  const { saved, tell } = useSaved()

  const apiUrl = drafts.apiUrl ?? settings.apiUrl
  const gpuUrl = drafts.gpuUrl ?? settings.gpuUrl
  const { api, gpu } = checkAddresses(apiUrl, gpuUrl, settings)
  const hasFault = api.fault !== null || gpu.fault !== null
  const isDirty = apiUrl !== settings.apiUrl || gpuUrl !== settings.gpuUrl || drafts.apiSecret !== '' || drafts.gpuSecret !== ''
  const draft = (part: Partial<Drafts>): void => setDrafts((before) => ({ ...before, ...part }))

  const save = async (): Promise<void> => {
    setLeft(true)
    if (hasFault) return
    if ((await call((desk) => desk.saveSettings({ apiUrl: api.address, gpuUrl: gpu.address }))) === undefined) return
    draft({ apiUrl: null, gpuUrl: null })
    for (const secret of ['apiSecret', 'gpuSecret'] as const) {
      const typed = drafts[secret].trim()
      if (typed === '') continue
      if ((await call((desk) => desk.saveSecret(secret, typed))) === undefined) return
      draft({ [secret]: '' })
    }
    setLeft(false)
    tell()
  }

  const address = (which: 'apiUrl' | 'gpuUrl', text: string, check: AddressCheck, fromEnvironment: string, testId: string) => (
    <TextInput
      id={which}
      className={classes.address}
      value={text}
      onChange={(event) => draft({ [which]: event.currentTarget.value })}
      onBlur={() => setLeft(isDirty)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') void save()
      }}
      placeholder={fromEnvironment === '' ? '' : words.settings.fromEnvironment(fromEnvironment)}
      error={left && check.fault !== null && (check.fault === 'malformed' ? words.settings.badAddress : words.settings.oneMissing)}
      description={check.address !== '' && check.address !== text.trim() ? words.settings.willUse(check.address) : null}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      spellCheck={false}
      autoComplete="off"
      data-testid={testId}
    />
  )
  const secret = (which: 'apiSecret' | 'gpuSecret', testId: string, forgetTestId: string) => (
    <SecretInput
      id={which}
      secret={which}
      draft={drafts[which]}
      onDraft={(text) => draft({ [which]: text })}
      onEnter={() => void save()}
      testId={testId}
      forgetTestId={forgetTestId}
    />
  )

  return (
    <>
      <SettingRow label={words.settings.apiUrl} htmlFor="apiUrl" hint={words.settings.apiUrlHint}>
        {address('apiUrl', apiUrl, api, settings.environmentApiUrl, 'settings-api-url')}
      </SettingRow>
      <SettingRow label={words.settings.gpuUrl} htmlFor="gpuUrl" hint={words.settings.gpuUrlHint}>
        {address('gpuUrl', gpuUrl, gpu, settings.environmentGpuUrl, 'settings-gpu-url')}
      </SettingRow>
      <SettingRow label={words.settings.apiSecret} htmlFor="apiSecret" hint={words.settings.secretHint}>
        {secret('apiSecret', 'settings-api-secret', 'forget-api-secret')}
      </SettingRow>
      <SettingRow label={words.settings.gpuSecret} htmlFor="gpuSecret" hint={words.settings.secretHint}>
        {secret('gpuSecret', 'settings-gpu-secret', 'forget-gpu-secret')}
      </SettingRow>
      <div className={classes.foot}>
        <p className={classes.note}>{words.settings.bothEmpty}</p>
        <SavedMark shown={saved} />
        {isDirty && (
          <>
            <span className={classes.unsaved}>{words.settings.unsaved}</span>
            <Button
              variant="subtle"
              color="gray"
              onClick={() => {
                setDrafts(noDrafts)
                setLeft(false)
              }}
            >
              {words.settings.discard}
            </Button>
          </>
        )}
        <Button disabled={!isDirty || (left && hasFault)} onClick={() => void save()} data-testid="save-servers">
          {words.settings.save}
        </Button>
      </div>
      <ConnectionTest key={`${settings.apiUrl} ${settings.gpuUrl}`} unsaved={isDirty} />
    </>
  )
}
