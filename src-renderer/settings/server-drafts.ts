// The two addresses while they are typed: which are wrong and what would be saved. Pure.
import { parseServerAddress, type SettingsView } from '../../src-shared/settings'

export type AddressFault = 'malformed' | 'missing' | null

export interface AddressCheck {
  readonly fault: AddressFault
  /** As it will be stored; '' for none. */
  readonly address: string
}

type Known = Pick<SettingsView, 'environmentApiUrl' | 'environmentGpuUrl'>

/** An address alone is of no use: with one server set, in the app or the environment, the other is needed too. */
export function checkAddresses(apiText: string, gpuText: string, known: Known): { readonly api: AddressCheck; readonly gpu: AddressCheck } {
  const [api, gpu] = [readAddress(apiText), readAddress(gpuText)]
  const hasApi = apiText.trim() !== '' || known.environmentApiUrl !== ''
  const hasGpu = gpuText.trim() !== '' || known.environmentGpuUrl !== ''
  return {
    api: !hasApi && hasGpu ? { ...api, fault: 'missing' } : api,
    gpu: !hasGpu && hasApi ? { ...gpu, fault: 'missing' } : gpu,
  }
}

function readAddress(text: string): AddressCheck {
  if (text.trim() === '') return { fault: null, address: '' }
  const address = parseServerAddress(text)
  return address === null ? { fault: 'malformed', address: '' } : { fault: null, address }
}
