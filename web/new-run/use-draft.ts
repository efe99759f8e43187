/** The draft of a run, which the address carries. */
import { useAddressState } from '../components/use-address-state.ts';
import { draftFromSearch, draftToSearch, type Draft } from './draft.ts';

const spelling = {
  names: ['model', 'data', 'validation', 'suffix', 'seed', 'budget', 'money', 'method', 'adapter', 'goal', 'set', 'probes', 'picked'],
  read: draftFromSearch,
  write: draftToSearch,
};

export type ChangeDraft = (change: Partial<Draft>) => void;

export function useDraft(): [Draft, ChangeDraft] {
  return useAddressState(spelling);
}
