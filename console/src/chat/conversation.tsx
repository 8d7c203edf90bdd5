/** The messages of a thread. Only those on the screen are drawn, so a thread of ten thousand scrolls. */
import { Box, Button } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import type { Cited } from './citation.tsx';
import type { Live } from './live-run.ts';
import { Message } from './message.tsx';
import { Steps } from './steps.tsx';
import type { Item } from './use-messages.ts';

/** In px. Within this distance of the end, the view follows new text. */
const NEAR = 120;

type Props = {
  threadId: string;
  items: Item[];
  live: Live;
  onCite: (cited: Cited) => void;
  /** Undefined: there are no earlier messages, or they are being fetched. */
  onEarlier: (() => void) | undefined;
};

export function Conversation({ threadId, items, live, onCite, onEarlier }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 120,
    getItemKey: (index) => items[index]!.id,
    overscan: 8,
    gap: 8,
  });
  useFollow(scroller, rows, items);
  useEarlier(scroller, onEarlier);
  return (
    <Box
      ref={scroller}
      h="100%"
      style={{ overflowY: 'auto' }}
      role="log"
      aria-label={t('chat.messages')}
      tabIndex={0}
    >
      {onEarlier !== undefined && (
        <Button variant="subtle" size="xs" fullWidth onClick={onEarlier}>
          {t('chat.earlier')}
        </Button>
      )}
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {rows.getVirtualItems().map(({ key, index, start }) => (
          <div
            key={key}
            ref={rows.measureElement}
            data-index={index}
            style={{ position: 'absolute', insetInline: 0, transform: `translateY(${start}px)` }}
          >
            <Place item={items[index]!} threadId={threadId} live={live} onCite={onCite} />
          </div>
        ))}
      </div>
    </Box>
  );
}

function Place({
  item,
  threadId,
  live,
  onCite,
}: Omit<Props, 'items' | 'onEarlier'> & { item: Item }) {
  return item.kind === 'message' ? (
    <Message message={item.message} onCite={onCite} />
  ) : (
    <Steps threadId={threadId} runId={item.runId} live={live} />
  );
}

/** Fetches the page of earlier messages when the reader reaches the top. */
function useEarlier(scroller: React.RefObject<HTMLDivElement | null>, ask: Props['onEarlier']) {
  useEffect(() => {
    const element = scroller.current!;
    const look = () => {
      if (element.scrollTop < NEAR && element.scrollHeight > element.clientHeight) ask?.();
    };
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, [scroller, ask]);
}

type Rows = {
  getTotalSize(): number;
  scrollToIndex(index: number, options: { align: 'start' | 'end' }): void;
};

/** Keeps the end in view while it grows, and the place of the reader when earlier messages come before it. */
function useFollow(scroller: React.RefObject<HTMLDivElement | null>, rows: Rows, items: Item[]) {
  const atEnd = useRef(true);
  const first = useRef<string>(undefined);
  const size = rows.getTotalSize();
  useEffect(() => {
    const element = scroller.current!;
    const mark = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    };
    element.addEventListener('scroll', mark, { passive: true });
    return () => element.removeEventListener('scroll', mark);
  }, [scroller]);
  useLayoutEffect(() => {
    if (atEnd.current) scroller.current!.scrollTop = scroller.current!.scrollHeight;
  }, [scroller, size]);
  useLayoutEffect(() => {
    const before = items.findIndex(({ id }) => id === first.current);
    if (before > 0) rows.scrollToIndex(before, { align: 'start' });
    first.current = items[0]?.id;
  }, [items, rows]);
}
