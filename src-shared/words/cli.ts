// Every text of the command line in both languages. Errors are in errors.ts, numbers in format.ts.
import type { JobStateKind } from '../job'
import type { Language } from './errors'

export interface CliWords {
  readonly usage: string
  readonly states: Readonly<Record<JobStateKind, string>>
  readonly builtIn: string
  readonly standIn: string
  readonly usingServers: (api: string, gpu: string) => string
  readonly resultAt: (path: string) => string
  readonly sentBytes: (size: string) => string
  readonly sentNothing: string
  readonly cancelled: string
  readonly awaitingReply: string
  readonly position: (n: number) => string
  readonly retryHint: (id: string) => string
  readonly noJobs: string
  readonly badUsage: (what: string) => string
  readonly unknownCommand: (name: string) => string
  readonly missingOption: (name: string) => string
  readonly unexpectedArgument: (name: string) => string
  readonly secretInArguments: string
  readonly cancelling: string
}

const zhCN: CliWords = {
  usage: `用法：lipsync-desk <命令> [选项]

命令：
  submit --video 文件 --audio 文件   提交任务，等到结果下载完成
         [--out 文件夹]              结果保存到哪里（默认：系统视频文件夹）
         [--api 地址 --gpu 地址]     使用的服务器（默认：设置、环境变量，都没有时用内置服务）
  list                              列出所有任务
  show 任务号                       显示一个任务
  retry 任务号                      重试失败或已取消的任务，等到结束
  cancel 任务号                     取消任务
  help, --version

选项：
  --json                            每行输出一个 JSON 对象

卡密和密钥只从环境变量（LIPSYNC_LICENSE_KEY、LIPSYNC_API_SECRET、LIPSYNC_GPU_SECRET）或应用设置读取。
LIPSYNC_HOME 指定账本、设置和缓存的位置，与桌面应用共用。

退出码：0 完成  1 失败  2 用法错误  3 卡密问题  4 连接不上服务器  5 已取消`,
  states: {
    queued: '等待开始',
    hashing: '校验文件',
    uploading: '上传',
    submitting: '提交任务',
    waking: 'GPU 服务器关着，任务已排队，开机后自动运行',
    waiting: '服务器排队',
    rendering: '渲染',
    downloading: '下载结果',
    cancelling: '正在取消',
    done: '完成',
    failed: '失败',
    cancelled: '已取消',
  },
  builtIn: '没有设置服务器，使用本机内置服务',
  standIn: '（演示引擎：只合成画面和声音，不改口型）',
  usingServers: (api, gpu) => `API ${api} · GPU ${gpu}`,
  resultAt: (path) => `结果：${path}`,
  sentBytes: (size) => `上传了 ${size}`,
  sentNothing: '服务器已有这两个文件，没有上传',
  cancelled: '任务已取消',
  awaitingReply: '等待服务器确认',
  position: (n) => `第 ${n} 位`,
  retryHint: (id) => `任务已保留。处理后重试：lipsync-desk retry ${id}`,
  noJobs: '还没有任务',
  badUsage: (what) => `${what}\n运行 lipsync-desk help 查看用法。`,
  unknownCommand: (name) => `没有“${name}”这个命令。`,
  missingOption: (name) => `缺少 ${name}。`,
  unexpectedArgument: (name) => `多余的参数：${name}。`,
  secretInArguments: '卡密和密钥不能写在命令行里（其他程序能看到），请用环境变量 LIPSYNC_LICENSE_KEY 等。',
  cancelling: '正在取消…（再按一次立即退出，任务保留）',
}

const en: CliWords = {
  usage: `Usage: lipsync-desk <command> [options]

Commands:
  submit --video FILE --audio FILE   submit a job and wait for its result
         [--out DIR]                 where the result goes (default: the system's videos folder)
         [--api URL --gpu URL]       servers to use (default: settings, environment, else the built-in service)
  list                               list all jobs
  show ID                            show one job
  retry ID                           try a failed or cancelled job again and wait for it
  cancel ID                          cancel a job
  help, --version

Options:
  --json                             one JSON object a line

License key and secrets are read from the environment (LIPSYNC_LICENSE_KEY, LIPSYNC_API_SECRET, LIPSYNC_GPU_SECRET)
or the app's settings only. LIPSYNC_HOME moves ledger, settings and cache, which are shared with the desktop app.

Exit codes: 0 done  1 failed  2 bad usage  3 not licensed  4 unreachable  5 cancelled`,
  states: {
    queued: 'Queued',
    hashing: 'Checking files',
    uploading: 'Uploading',
    submitting: 'Submitting',
    waking: 'The GPU server is off: the task is queued and runs by itself when it is up',
    waiting: 'Waiting on the server',
    rendering: 'Rendering',
    downloading: 'Downloading',
    cancelling: 'Cancelling',
    done: 'Done',
    failed: 'Failed',
    cancelled: 'Cancelled',
  },
  builtIn: 'No servers are set: using the built-in local service',
  standIn: '(stand-in engine: joins picture and sound, moves no lips)',
  usingServers: (api, gpu) => `API ${api} · GPU ${gpu}`,
  resultAt: (path) => `Result: ${path}`,
  sentBytes: (size) => `Uploaded ${size}`,
  sentNothing: 'The server already had both files: nothing was uploaded',
  cancelled: 'The job was cancelled',
  awaitingReply: 'waiting for the server',
  position: (n) => `position ${n}`,
  retryHint: (id) => `The job is kept. To try again: lipsync-desk retry ${id}`,
  noJobs: 'No jobs yet',
  badUsage: (what) => `${what}\nRun lipsync-desk help for the usage.`,
  unknownCommand: (name) => `There is no command “${name}”.`,
  missingOption: (name) => `${name} is missing.`,
  unexpectedArgument: (name) => `Unexpected argument: ${name}.`,
  secretInArguments: 'Keys and secrets are not taken from arguments, where other programs can see them; use LIPSYNC_LICENSE_KEY and the like.',
  cancelling: 'Cancelling… (once more leaves at once, the job is kept)',
}

export const cliWords: Readonly<Record<Language, CliWords>> = { 'zh-CN': zhCN, en }
