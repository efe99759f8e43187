/** Where a version came from, in a sentence. */
import type { DatasetVersion } from '#contract/datasets.ts';

interface AppliedFix {
  kind: string;
  action: string;
  rows: number;
}

export function originOf({ operation, parameters }: Pick<DatasetVersion, 'operation' | 'parameters'>): string {
  const text = (name: string): string => (typeof parameters[name] === 'string' ? parameters[name] : '');
  switch (operation) {
    case 'import':
      return `from ${text('filename') || 'a file'}${text('format') && ` (${text('format')})`}`;
    case 'fix': {
      const fixes = Array.isArray(parameters['fixes']) ? (parameters['fixes'] as AppliedFix[]) : [];
      return fixes.map(({ kind, action, rows }) => `${action}: ${kind.replaceAll('_', ' ')} (${rows})`).join(', ') || 'mended';
    }
    case 'edit':
      return `row ${String(parameters['row'])} ${text('change') || 'replaced'}`;
    case 'split':
      return `the part "${text('part')}" of a split`;
    case 'convert':
      return `converted to ${text('to')}`;
  }
}
