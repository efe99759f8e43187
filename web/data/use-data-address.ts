/** Where one is among the versions and rows of a dataset: all of it stands in the address. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { isXrayView, type XrayView } from './token-looks.ts';

export interface DataAddress {
  /** null is the newest. */
  version: number | null;
  /** The row under the X-ray; null for none. */
  row: number | null;
  /** The first row of the table. */
  from: number;
  /** Only rows that this was found at; empty for all. */
  finding: string;
  /** The version to compare with; null for none. */
  compare: number | null;
  /** Held-out rows that must not stand here: `name@2`; empty for none. */
  against: string;
  /** Whose template and losses; empty is the platform's usual one. */
  model: string;
  view: XrayView;
}

export type GoTo = (change: Partial<DataAddress>) => void;

export function useDataAddress(): [DataAddress, GoTo] {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const go = useCallback(
    (change: Partial<DataAddress>) => {
      void navigate({
        to: '.',
        search: ((before: Record<string, string | undefined>) => writeAddress({ ...readAddress(before), ...change })) as never,
        // Another version is a step that Back undoes; the rest is looking around.
        replace: change.version === undefined,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [readAddress(search), go];
}

/** An address that was typed by hand is read as far as it makes sense. */
export function readAddress(search: Record<string, string | undefined>): DataAddress {
  return {
    version: wholeNumber(search['version']),
    row: wholeNumber(search['row']),
    from: wholeNumber(search['from']) ?? 1,
    finding: search['finding'] ?? '',
    compare: wholeNumber(search['compare']),
    against: search['against'] ?? '',
    model: search['model'] ?? '',
    view: isXrayView(search['view']) ? search['view'] : 'mask',
  };
}

export function writeAddress({ version, row, from, finding, compare, against, model, view }: DataAddress): Record<string, string> {
  const texts = {
    version: version === null ? '' : String(version),
    row: row === null ? '' : String(row),
    from: from === 1 ? '' : String(from),
    finding,
    compare: compare === null ? '' : String(compare),
    against,
    model,
    view: view === 'mask' ? '' : view,
  };
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ''));
}

function wholeNumber(text: string | undefined): number | null {
  return /^[1-9]\d{0,8}$/.test(text ?? '') ? Number(text) : null;
}
