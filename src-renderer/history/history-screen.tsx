// History: everything that ended, newest first; only the rows in view exist.
import { CloseButton, TextInput } from '@mantine/core'
import { IconHistory, IconSearch } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useDeferredValue, useMemo, useRef, useState } from 'react'
import { EmptyState } from '../parts/empty-state'
import { ScreenFrame } from '../parts/screen-frame'
import type { Screen } from '../shell/screens'
import { useDesk, useDeskNow } from '../use-desk'
import { useNowMs } from '../use-now'
import { useSpeech } from '../use-speech'
import { HistoryRow } from './history-row'
import classes from './history-screen.module.css'
import { Player } from './player'
import { searchJobs } from './search-jobs'

/** A row whose job is done; failed ones are taller and measured. */
const usualRowHeight = 65

export function HistoryScreen({ open }: { readonly open: (screen: Screen) => void }) {
  const { words, format } = useSpeech()
  const all = useDesk((state) => state.sections.history)
  const now = useDeskNow()
  const [text, setText] = useState('')
  const searched = useDeferredValue(text)
  const found = useMemo(() => searchJobs(all, now().jobs, searched), [all, now, searched])
  const [playing, setPlaying] = useState<string | null>(null)
  const count = format.count(found.length)

  return (
    <ScreenFrame
      title={words.history.title}
      note={all.length > 0 && (searched.trim() === '' ? words.history.count(count) : words.history.found(count))}
      actions={
        all.length > 0 && (
          <TextInput
            w={240}
            aria-label={words.history.search}
            placeholder={words.history.search}
            leftSection={<IconSearch size={14} aria-hidden />}
            rightSection={text !== '' && <CloseButton size="xs" aria-label={words.history.clearSearch} onClick={() => setText('')} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            data-testid="history-search"
          />
        )
      }
    >
      {all.length === 0 && <EmptyState icon={IconHistory} title={words.history.empty} hint={words.history.emptyHint} />}
      {all.length > 0 && found.length === 0 && <EmptyState icon={IconSearch} title={words.history.nothingFound(searched.trim())} />}
      {found.length > 0 && <HistoryList ids={found} open={open} onPlay={setPlaying} />}
      {playing !== null && <Player key={playing} id={playing} onClose={() => setPlaying(null)} />}
    </ScreenFrame>
  )
}

interface HistoryListProps {
  readonly ids: readonly string[]
  readonly open: (screen: Screen) => void
  readonly onPlay: (id: string) => void
}

function HistoryList({ ids, open, onPlay }: HistoryListProps) {
  const { words } = useSpeech()
  const { columns } = words.history
  /** Only days and minutes show. */
  const nowMs = useNowMs(60_000)
  const scroll = useRef<HTMLDivElement>(null)
  const keyOf = useCallback((index: number) => ids[index] ?? index, [ids])
  const rows = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => usualRowHeight,
    getItemKey: keyOf,
    overscan: 6,
  })
  return (
    <div className={classes.table}>
      <div className={classes.head} aria-hidden>
        <span />
        <span>{columns.name}</span>
        <span className={classes.number}>{columns.length}</span>
        <span className={classes.number}>{columns.size}</span>
        <span className={classes.when}>{columns.when}</span>
        <span />
      </div>
      <div className={classes.scroll} ref={scroll}>
        <div role="list" aria-label={words.history.title} style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {rows.getVirtualItems().map((item) => {
            const id = ids[item.index]
            return (
              id !== undefined && (
                <div
                  key={item.key}
                  ref={rows.measureElement}
                  data-index={item.index}
                  role="listitem"
                  aria-setsize={ids.length}
                  aria-posinset={item.index + 1}
                  className={classes.item}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <HistoryRow id={id} nowMs={nowMs} open={open} onPlay={onPlay} />
                </div>
              )
            )
          })}
        </div>
      </div>
    </div>
  )
}
