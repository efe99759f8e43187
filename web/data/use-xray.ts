/** The X-ray of a row: its tokens at once, and their losses once a worker has computed them. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { RowXray } from '#contract/datasets.ts';
import { xrayQuery, type VersionPlace } from './queries.ts';
import { duration } from '../components/format.ts';

interface Xray {
  xray: RowXray | undefined;
  error: unknown;
  /** What is being computed, in words; null when nothing is. */
  step: string | null;
  /** How long it took the last time; empty when that is not known. */
  hint: string;
  retry: () => void;
}

/** Of this page's last computed losses: the next ones take about as long. */
let lastSeconds: number | null = null;

export function useXray(place: VersionPlace, row: number, model: string, withLoss: boolean): Xray {
  const plain = useQuery(xrayQuery(place, row, model, false));
  const isTrainable = plain.data !== undefined && plain.data.tokens.some(({ trained }) => trained);
  const scored = useQuery({ ...xrayQuery(place, row, model, true), enabled: withLoss && isTrainable });
  const isComputing = withLoss && isTrainable && scored.isFetching;
  useMeasured(isComputing, scored.isSuccess);
  const xray = (withLoss ? scored.data : undefined) ?? plain.data;
  const under = model === '' ? (plain.data?.model ?? '') : model;
  const length = Math.min(plain.data?.total ?? 0, plain.data?.max_tokens ?? 0).toLocaleString('en-US');
  return {
    xray,
    error: plain.error ?? (withLoss ? scored.error : null),
    step: isComputing ? `A worker computes the loss of ${length} tokens under ${under}` : null,
    hint: lastSeconds === null ? 'the first time takes longest: the model is loaded' : `the last row took ${duration(lastSeconds)}`,
    retry: () => void (plain.isError ? plain.refetch() : scored.refetch()),
  };
}

function useMeasured(isComputing: boolean, isSuccess: boolean): void {
  const beganMs = useRef<number | null>(null);
  useEffect(() => {
    if (isComputing) beganMs.current = performance.now();
    else if (beganMs.current !== null) {
      if (isSuccess) lastSeconds = (performance.now() - beganMs.current) / 1000;
      beganMs.current = null;
    }
  }, [isComputing, isSuccess]);
}
