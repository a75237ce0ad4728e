// Texts of the system's own dialogs, which the main process opens.
import type { FileRole } from '../bridge-contract'
import type { Language } from './errors'

export interface DialogWords {
  readonly pickTitle: Readonly<Record<FileRole, string>>
  readonly filterNames: Readonly<Record<FileRole, string>>
  readonly allFiles: string
  readonly outputTitle: string
}

export const dialogWords: Readonly<Record<Language, DialogWords>> = {
  'zh-CN': {
    pickTitle: { video: '选择主播视频', audio: '选择配音' },
    filterNames: { video: '视频', audio: '音频' },
    allFiles: '所有文件',
    outputTitle: '选择成片保存位置',
  },
  en: {
    pickTitle: { video: 'Choose the presenter video', audio: 'Choose the voice' },
    filterNames: { video: 'Video', audio: 'Audio' },
    allFiles: 'All files',
    outputTitle: 'Choose where results are saved',
  },
}
