/** A long list of rows of one height, of which only those in sight are in the page; new rows at its top do not move what one reads. */
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';

interface VirtualListProps<Item> {
  label: string;
  items: readonly Item[];
  /** In CSS pixels. */
  rowHeight: number;
  height: number;
  keyOf: (item: Item) => string | number;
  renderRow: (item: Item) => ReactNode;
  /** The last rows have come near: more may be fetched. */
  onEnd?: () => void;
}

/** Rows beyond either edge that are there already when one scrolls. */
const beyond = 8;

export function VirtualList<Item>({ label, items, rowHeight, height, keyOf, renderRow, onEnd }: VirtualListProps<Item>) {
  const frame = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const before = useRef<{ firstKey: string | number | undefined; count: number }>({ firstKey: undefined, count: 0 });
  const firstKey = items[0] === undefined ? undefined : keyOf(items[0]);

  useLayoutEffect(() => {
    const element = frame.current;
    const known = before.current;
    before.current = { firstKey, count: items.length };
    if (!element || known.firstKey === undefined || known.firstKey === firstKey || element.scrollTop < rowHeight) return;
    const added = items.findIndex((item) => keyOf(item) === known.firstKey);
    if (added > 0) element.scrollTop += added * rowHeight;
  }, [firstKey, items, keyOf, rowHeight]);

  const first = Math.max(0, Math.floor(top / rowHeight) - beyond);
  const last = Math.min(items.length, Math.ceil((top + height) / rowHeight) + beyond);
  return (
    <div
      ref={frame}
      role="region"
      aria-label={label}
      tabIndex={0}
      className="relative overflow-y-auto rounded border"
      style={{ height: Math.min(height, Math.max(items.length, 1) * rowHeight + 2) }}
      data-items={items.length}
      onScroll={(event) => {
        const { scrollTop } = event.currentTarget;
        setTop(scrollTop);
        if (scrollTop + 2 * height > items.length * rowHeight) onEnd?.();
      }}
    >
      <div style={{ height: items.length * rowHeight }}>
        {items.slice(first, last).map((item, index) => (
          <div key={keyOf(item)} className="absolute inset-x-0" style={{ top: (first + index) * rowHeight, height: rowHeight }}>
            {renderRow(item)}
          </div>
        ))}
      </div>
    </div>
  );
}
