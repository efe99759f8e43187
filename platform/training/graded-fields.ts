/** What the graders of a method read of each row, so that a row without it is refused before anything is started. */
import type { GrpoMethod } from '#contract/method.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** Paths below `item`, as `answer.text`. Throws `unsupported_value` for a placeholder that is neither of the answer nor of the row. */
export function gradedFields({ graders, formula }: GrpoMethod, param: string): string[] {
  const rules = formula === null ? graders : Object.values(formula.rules);
  const texts = rules.flatMap((rule) => {
    // What code reads of a row, it finds out by itself.
    if (rule.type === 'python') return [];
    return rule.type === 'score_model' ? rule.input.map(({ content }) => content) : [rule.input, rule.reference];
  });
  const fields = new Set<string>();
  for (const [, placeholder] of texts.flatMap((text) => [...text.matchAll(/\{\{([^{}]{0,200})\}\}/g)])) {
    const path = placeholder!.trim().replaceAll(/\[(\d+)\]/g, '.$1');
    if (path === 'item' || path.startsWith('item.')) fields.add(path.slice('item.'.length));
    else if (path !== 'sample.output_text' && path !== 'sample.output_json' && !path.startsWith('sample.output_json.')) {
      const message = `${param}: {{${path}}} is not served; a grader reads {{sample.output_text}}, {{sample.output_json}} and {{item.…}}`;
      throw new PlatformError('unsupported_value', message, { param });
    }
  }
  return [...fields].filter((field) => field !== '');
}

/** Why a row does not have what is read of it; null where it has. The answer of a chat is its `reference`, where it has none of its own. */
export function missingField(row: unknown, fields: readonly string[]): string | null {
  for (const field of fields) {
    let value: unknown = withReference(row);
    for (const name of field.split('.')) {
      const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
      if (!isThere) return `{{item.${field}}}: there is no "${name}" in the row`;
      value = (value as Record<string, unknown>)[name];
    }
  }
  return null;
}

function withReference(row: unknown): unknown {
  if (typeof row !== 'object' || row === null || !('messages' in row) || 'reference' in row) return row;
  const { messages } = row;
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  const isAnswered = typeof last === 'object' && last !== null && (last as { role?: unknown }).role === 'assistant';
  return isAnswered ? { ...row, reference: (last as { content?: unknown }).content } : row;
}
