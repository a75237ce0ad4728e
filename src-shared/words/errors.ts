// A sentence for every error code in both languages: what happened, what it means, what to do. The window and the command
// line read the same words. `{name}` takes a value of the error's detail.
import type { DeskErrorData, ErrorCode } from '../errors'

export type Language = 'zh-CN' | 'en'

export interface ErrorWords {
  readonly title: string
  readonly meaning: string
  readonly todo: string
}

type Row = readonly [title: string, meaning: string, todo: string]

const zh: Record<ErrorCode, Row> = {
  file_missing: ['找不到文件“{file}”', '它可能被移动、改名或删除了，或者所在的磁盘没有连接。', '把文件放回原处，或重新选择文件。'],
  file_empty: ['“{file}”是空文件', '文件大小为 0，多半是导出或拷贝没有完成。', '重新导出或重新拷贝，再选择它。'],
  file_is_directory: ['“{file}”是文件夹', '这里需要一个文件。', '打开这个文件夹，选择其中的视频或音频文件。'],
  file_unreadable: ['无法读取“{file}”', '系统拒绝了读取，可能没有权限，或被其他程序占用。', '关闭正在使用它的程序，或检查文件权限，然后重试。'],
  file_not_media: ['“{file}”不是音视频文件', '文件内容不是可识别的视频或音频，扩展名可能与内容不符，或文件已损坏。', '选择另一个文件，或重新导出。'],
  file_no_video: ['“{file}”里没有画面', '这个文件没有视频轨道，不能作为主播视频。', '选择一个有画面的视频文件。'],
  file_no_audio: ['“{file}”里没有声音', '这个文件没有音频轨道，不能作为配音。', '选择一个有声音的文件。'],
  file_changed: ['“{file}”在处理途中被改动了', '校验之后文件又发生了变化，继续上传会得到错误的内容。', '等文件写完后重试，会重新校验。'],
  address_malformed: ['{server}地址填写有误', '“{address}”不是有效的网址。', '在设置里改成类似 https://example.com 或 192.168.1.20:8383 的地址。'],
  license_missing: ['还没有填写卡密', '服务器需要卡密才能接受任务。', '在设置里填写卡密，然后重试。'],
  license_unknown: ['服务器不认识这个卡密', '卡密可能输错了，或属于另一台服务器。', '在设置里检查卡密和 API 地址，然后重试。'],
  license_expired: ['卡密已过期', '服务器不再接受用它提交的任务。', '续费或更换卡密，在设置里填写后重试。'],
  license_refused: ['服务器没有接受这个卡密', '服务器的说明：{said}', '联系卡密的提供方，或在设置里更换卡密。'],
  secret_wrong: ['{server}拒绝了访问密钥', '设置里的密钥与服务器上的不一致，或服务器需要密钥而这里没有填。', '在设置里填写正确的密钥，然后重试。'],
  secret_unreadable: ['保存的密钥在这里无法解密', '它由系统的密钥库加密，当前程序打不开。', '在设置里重新填写，或通过环境变量提供。'],
  server_unreachable: ['连接不上 {server}', '{host} 没有响应：服务器可能没有启动，或网络、地址有问题。', '检查网络和设置里的地址，然后重试。'],
  server_timeout: ['{server}超时没有回应', '{host} 在规定时间内没有回应，可能网络太慢或服务器太忙。', '稍后重试；如果总是这样，请测试连接。'],
  server_not_json: ['{server}的回应不对', '{host} 返回的是网页而不是接口数据，多半是地址指到了别的服务或代理。', '在设置里检查地址，再测试连接。'],
  server_bad_reply: ['看不懂 {server}的回应', '{host} 的回应缺少应有的内容，服务器版本可能不匹配。', '检查设置里的地址；如果地址无误，请联系服务器管理员。'],
  server_failed: ['{server}出错了', '服务器的说明：{said}', '稍后重试；如果反复出现，请联系服务器管理员。'],
  server_refused: ['{server}没有接受请求', '服务器的说明：{said}', '按说明处理后重试。'],
  server_busy: ['{server}正忙', '排队已满或请求太频繁，任务没有丢。', '过一会儿重试。'],
  gpu_off: ['GPU 服务器关着，没有人能开机', '任务已在服务器排队，但现在没有连着的电源管理程序来启动 GPU 服务器。', '联系服务器管理员开机；开机后任务会自动运行，点重试可继续等待结果。'],
  gpu_boot_failed: ['GPU 服务器没有启动成功', '任务已在服务器排队，但启动 GPU 服务器的尝试失败了。', '稍后重试；如果反复出现，请联系服务器管理员。'],
  engine_not_ready: ['渲染引擎还没有就绪', '{host} 已经开机，但引擎还在加载或没有启动成功。{said}', '过一两分钟重试。'],
  upload_too_large: ['“{file}”超过了服务器的大小限制', '服务器或它前面的代理不接受这么大的文件。', '压缩或裁短文件后重新选择，或请管理员放宽限制。'],
  upload_corrupted: ['“{file}”上传后校验不一致', '服务器收到的内容与本机不同，传输途中可能损坏了。', '重试，会重新上传这个文件。'],
  server_disk_full: ['{server}的磁盘满了', '服务器没有空间保存文件，任务还在这里。', '请管理员清理空间后重试。'],
  task_failed: ['渲染失败', '引擎的说明：{said}', '可以重试；如果同样失败，换一段视频或音频再试。'],
  task_lost: ['服务器丢失了这个任务', '服务器可能重启过，已经不记得这个任务，也没有结果。', '重试，会重新提交；已上传的文件不会再传。'],
  result_not_ready: ['结果还没有准备好', '服务器说任务完成了，但文件暂时拿不到。', '稍后重试。'],
  result_truncated: ['结果没有下载完整', '应有 {expected} 字节，只收到 {actual} 字节。', '重试，会重新下载。'],
  result_not_media: ['下载的结果不是视频', '文件内容无法识别，可能服务器返回了别的东西。', '重试；如果同样如此，请联系服务器管理员。'],
  result_no_video: ['结果里没有画面', '服务器给出的文件没有视频轨道。', '重试，会重新渲染。'],
  result_no_audio: ['结果里没有声音', '服务器给出的文件没有音频轨道。', '重试，会重新渲染。'],
  result_wrong_duration: ['结果的时长不对', '音频是 {expectedSec} 秒，结果是 {actualSec} 秒。', '重试，会重新渲染。'],
  result_gone: ['结果已经不在了', '服务器已清理这个结果，或本机上的文件被移走了。', '重试，会重新渲染。'],
  output_missing: ['保存位置不存在', '“{folder}”找不到了，可能所在的磁盘没有连接。', '连接磁盘后重试，或选择另一个文件夹。'],
  output_not_writable: ['无法写入保存位置', '没有权限在“{folder}”里保存文件。', '选择另一个文件夹。'],
  disk_full: ['磁盘空间不足', '“{folder}”所在的磁盘放不下结果。', '清理空间后重试，或选择另一个文件夹。'],
  service_failed: ['内置服务没有启动成功', '本机的演示服务启动失败。{said}', '重试；如果同样失败，重启程序，或在设置里填写服务器地址。'],
  ffmpeg_missing: ['没有找到 ffmpeg', '内置的演示引擎需要 ffmpeg 才能合成视频。', '安装 ffmpeg 并确保它在 PATH 里，然后重启程序；或在设置里填写服务器地址。'],
  job_unknown: ['没有这个任务', '它可能已经被移除。', '在历史里查看现有的任务。'],
  not_now: ['现在不能这样做', '任务当前的状态不允许这个操作。', '等任务状态变化后再试。'],
  internal: ['程序内部出错', '这是我们的问题，任务仍然保留着。', '重试；如果反复出现，请把日志发给我们。'],
}

const en: Record<ErrorCode, Row> = {
  file_missing: ['“{file}” cannot be found', 'It may have been moved, renamed or deleted, or its drive is not connected.', 'Put the file back, or choose it again.'],
  file_empty: ['“{file}” is empty', 'The file has no content; an export or a copy probably did not finish.', 'Export or copy it again, then choose it.'],
  file_is_directory: ['“{file}” is a folder', 'A file is needed here.', 'Open the folder and choose a video or audio file in it.'],
  file_unreadable: ['“{file}” cannot be read', 'The system refused: there may be no permission, or another program holds the file.', 'Close the program that uses it or check its permissions, then try again.'],
  file_not_media: ['“{file}” is not a video or audio file', 'Its content is no video or audio we know; the extension may not match, or the file is damaged.', 'Choose another file, or export it again.'],
  file_no_video: ['“{file}” has no picture', 'The file has no video track, so it cannot be the presenter.', 'Choose a video file with a picture.'],
  file_no_audio: ['“{file}” has no sound', 'The file has no audio track, so it cannot be the voice.', 'Choose a file with sound.'],
  file_changed: ['“{file}” changed meanwhile', 'It was changed after it was checked; sending it would give a wrong result.', 'Wait until it is fully written, then try again: it will be checked anew.'],
  address_malformed: ['The address of {server} is not valid', '“{address}” is not a web address.', 'In settings, use one like https://example.com or 192.168.1.20:8383.'],
  license_missing: ['No license key yet', 'The server needs a license key to accept jobs.', 'Enter the license key in settings, then try again.'],
  license_unknown: ['The server does not know this license key', 'It may be mistyped, or belong to another server.', 'Check the license key and the API address in settings, then try again.'],
  license_expired: ['The license has expired', 'The server no longer accepts jobs with it.', 'Renew or replace the license, enter it in settings, then try again.'],
  license_refused: ['The server did not accept this license', 'The server says: {said}', 'Ask whoever issued the license, or enter another one in settings.'],
  secret_wrong: ['{server} refused the access secret', 'The secret in settings is not the server’s, or the server needs one and none is set.', 'Enter the right secret in settings, then try again.'],
  secret_unreadable: ['A stored secret cannot be decrypted here', 'It is encrypted by the system’s key store, which this program cannot open.', 'Enter it again in settings, or give it in the environment.'],
  server_unreachable: ['{server} cannot be reached', '{host} does not answer: the server may be off, or the network or the address is wrong.', 'Check the network and the address in settings, then try again.'],
  server_timeout: ['{server} did not answer in time', '{host} took too long: the network may be slow or the server busy.', 'Try again later; if it stays so, test the connection.'],
  server_not_json: ['{server} gave a wrong kind of answer', '{host} sent a web page instead of data; the address probably leads to something else.', 'Check the address in settings and test the connection.'],
  server_bad_reply: ['The answer of {server} makes no sense', 'The reply of {host} lacks what it should have; the server’s version may not fit.', 'Check the address in settings; if it is right, ask the server’s administrator.'],
  server_failed: ['{server} had an error', 'The server says: {said}', 'Try again later; if it keeps happening, ask the server’s administrator.'],
  server_refused: ['{server} did not accept the request', 'The server says: {said}', 'Do what it says, then try again.'],
  server_busy: ['{server} is busy', 'Its queue is full or it gets too many requests; the job is kept.', 'Try again in a while.'],
  gpu_off: ['The GPU server is off and nobody can power it on', 'The task is queued on the server, but no power monitor is there to start the GPU server.', 'Ask the administrator to start it: the task then runs by itself, and trying again goes on waiting for its result.'],
  gpu_boot_failed: ['The GPU server did not start', 'The task is queued on the server, but starting the GPU server failed.', 'Try again later; if it keeps happening, ask the administrator.'],
  engine_not_ready: ['The render engine is not ready', '{host} is up, but its engine is still loading or did not start. {said}', 'Try again in a minute or two.'],
  upload_too_large: ['“{file}” is over the server’s size limit', 'The server or a proxy before it does not take a file this large.', 'Compress or shorten the file and choose it again, or ask for a higher limit.'],
  upload_corrupted: ['“{file}” arrived damaged', 'What the server received differs from the file here.', 'Try again: the file will be sent anew.'],
  server_disk_full: ['The disk of {server} is full', 'The server has no room for the file; the job is kept here.', 'Ask the administrator to free space, then try again.'],
  task_failed: ['Rendering failed', 'The engine says: {said}', 'Try again; if it fails the same way, use another video or audio.'],
  task_lost: ['The server lost this task', 'It may have restarted: it no longer knows the task and has no result.', 'Try again: it will be submitted anew, files already there are not sent again.'],
  result_not_ready: ['The result is not ready yet', 'The server says the task is done, but its file cannot be had yet.', 'Try again in a moment.'],
  result_truncated: ['The result is incomplete', 'It should have {expected} bytes, {actual} arrived.', 'Try again: it will be downloaded anew.'],
  result_not_media: ['The downloaded result is no video', 'Its content is not recognised; the server may have sent something else.', 'Try again; if it stays so, ask the server’s administrator.'],
  result_no_video: ['The result has no picture', 'The server’s file has no video track.', 'Try again: it will be rendered anew.'],
  result_no_audio: ['The result has no sound', 'The server’s file has no audio track.', 'Try again: it will be rendered anew.'],
  result_wrong_duration: ['The result has the wrong length', 'The audio has {expectedSec} s, the result {actualSec} s.', 'Try again: it will be rendered anew.'],
  result_gone: ['The result is gone', 'The server has cleaned it up, or the file here was moved.', 'Try again: it will be rendered anew.'],
  output_missing: ['The output folder does not exist', '“{folder}” cannot be found; its drive may not be connected.', 'Connect the drive and try again, or choose another folder.'],
  output_not_writable: ['The output folder cannot be written', 'There is no permission to save files in “{folder}”.', 'Choose another folder.'],
  disk_full: ['Not enough disk space', 'The drive of “{folder}” has no room for the result.', 'Free some space and try again, or choose another folder.'],
  service_failed: ['The built-in service did not start', 'The local demonstration service failed. {said}', 'Try again; if it fails again, restart the app or set server addresses in settings.'],
  ffmpeg_missing: ['ffmpeg was not found', 'The built-in demonstration engine needs ffmpeg to make a video.', 'Install ffmpeg so that it is on the PATH and restart the app, or set server addresses in settings.'],
  job_unknown: ['There is no such job', 'It may have been removed.', 'See history for the jobs there are.'],
  not_now: ['This cannot be done now', 'The job’s present state does not allow it.', 'Wait until the state changes.'],
  internal: ['Something went wrong inside the app', 'This is our fault; the job is kept.', 'Try again; if it keeps happening, please send us the log.'],
}

const servers: Record<Language, Record<string, string>> = {
  'zh-CN': { api: 'API 服务器', gpu: 'GPU 服务器' },
  en: { api: 'the API server', gpu: 'the GPU server' },
}

/** What stands where the error does not carry the value. */
const unnamed: Record<Language, Record<string, string>> = {
  'zh-CN': { file: '所选文件', host: '服务器', said: '（没有说明）', server: '服务器', folder: '保存位置', address: '' },
  en: { file: 'the file', host: 'the server', said: '(nothing)', server: 'the server', folder: 'the output folder', address: '' },
}

/** Sentences in which the server's words only follow a sentence that stands alone. */
const saidIsOptional: ReadonlySet<ErrorCode> = new Set(['engine_not_ready', 'service_failed'])

export function describeError(language: Language, error: DeskErrorData): ErrorWords {
  const row = (language === 'zh-CN' ? zh : en)[error.code]
  const fill = (sentence: string): string => {
    const filled = sentence
      .replaceAll(/\{(\w+)\}/g, (_, key: string) => {
        const value = error.detail[key]
        if (value === undefined || value === '') {
          return key === 'said' && saidIsOptional.has(error.code) ? '' : (unnamed[language][key] ?? '?')
        }
        if (key === 'server') return servers[language][String(value)] ?? String(value)
        return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value
      })
      .trim()
    // Only what our own words begin: a host or a file keeps the case it has.
    return sentence.startsWith('{server}') ? filled.charAt(0).toUpperCase() + filled.slice(1) : filled
  }
  /** A server's words may end as they like; the next sentence follows them. */
  const ended = (sentence: string): string => (/[\p{P}]$/u.test(sentence) ? sentence : `${sentence}${language === 'zh-CN' ? '。' : '.'}`)
  return { title: fill(row[0]), meaning: ended(fill(row[1])), todo: fill(row[2]) }
}
