/** A row in a line: what is asked and what is answered, whatever kind it is. */
export interface RowWords {
  asked: string;
  answered: string;
  /** Why the row cannot be read; then there is its beginning as it came instead of an answer. */
  problem: string | null;
}

const mostCharacters = 300;

export function rowWords(value: unknown): RowWords {
  const row = (value ?? {}) as Record<string, unknown>;
  const invalid = invalidOf(row);
  if (invalid) return { asked: short(textOf(invalid.raw)), answered: '', problem: textOf(invalid.reason) };
  const { asked, answered } = partsOf(row);
  return { asked: short(asked), answered: short(answered), problem: null };
}

function invalidOf(row: Record<string, unknown>): { reason?: unknown; raw?: unknown } | undefined {
  return row['invalid'] as { reason?: unknown; raw?: unknown } | undefined;
}

function partsOf(row: Record<string, unknown>): { asked: string; answered: string } {
  const { messages, input, preferred_output: preferred, prompt, completion, label, text } = row;
  if (Array.isArray(messages)) {
    const last = messages.findLastIndex((turn) => roleOf(turn) === 'assistant');
    return {
      asked: chatText(messages.slice(0, last === -1 ? undefined : last), 'user'),
      answered: last === -1 ? '' : turnText(messages[last]),
    };
  }
  if (preferred !== undefined)
    return { asked: chatText((input as { messages?: unknown } | null)?.messages, 'user'), answered: chatText(preferred) };
  if (prompt !== undefined) {
    const mark = label === undefined ? '' : label === true ? '(good) ' : '(bad) ';
    return { asked: chatText(prompt), answered: mark + chatText(completion) };
  }
  return { asked: text === undefined ? JSON.stringify(row) : textOf(text), answered: '' };
}

/** Of a list of messages the last, or the last of this role. */
function chatText(turns: unknown, role?: string): string {
  if (!Array.isArray(turns)) return turns === undefined ? '' : textOf(turns);
  return turnText(turns.findLast((turn) => role === undefined || roleOf(turn) === role) ?? turns.at(-1));
}

const roleOf = (turn: unknown): unknown => (turn as { role?: unknown } | null)?.role;

function turnText(turn: unknown): string {
  const { content, tool_calls: calls } = (turn ?? {}) as { content?: unknown; tool_calls?: unknown };
  return typeof content === 'string' && content !== '' ? content : textOf(calls ?? content ?? '');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** In one line. */
function short(text: string): string {
  return text.slice(0, mostCharacters).replaceAll(/\s+/g, ' ').trim();
}

/** A row as a text of several lines, to be compared with another one. */
export function rowText(value: unknown): string {
  const row = (value ?? {}) as Record<string, unknown>;
  const invalid = invalidOf(row);
  if (invalid) return `${textOf(invalid.raw)}\n✗ ${textOf(invalid.reason)}`;
  const lines = Object.entries(row).flatMap(([name, field]) => {
    if (!Array.isArray(field) || !field.every((turn) => typeof roleOf(turn) === 'string')) return [`${name}: ${textOf(field)}`];
    const prefix = name === 'messages' ? '' : `${name}, `;
    return field.map((turn) => `${prefix}${String(roleOf(turn))}: ${turnText(turn)}`);
  });
  return lines.join('\n');
}
