/** OpenAssistant's trees: each path from the prompt to a last reply becomes a chat, and each reply is learnt once. */
import type { z } from 'zod';
import type { ChatTurn } from '#contract/dataset.ts';
import { OpenAssistantRow } from '#contract/row-formats.ts';
import { columnsOf, type ValidRow } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has, parseRow } from './parse-row.ts';
import { plainExchanges } from './turns.ts';

type Node = z.output<typeof OpenAssistantRow>['prompt'];
const known = ['prompt', 'message_tree_id', 'tree_state'];
const most = 1000;

export const openassistant: RowFormat = {
  kind: 'chat',
  looksLike: (row) => {
    const { prompt } = row as { prompt?: Record<string, unknown> | null };
    return typeof prompt === 'object' && prompt !== null && !Array.isArray(prompt) && has(prompt, 'text', 'role')
      ? 'its "prompt" is a tree of replies'
      : null;
  },
  read(row) {
    const { prompt, message_tree_id } = parseRow(OpenAssistantRow, row);
    const rows: ValidRow[] = [];
    const more = { ...columnsOf(row, known), ...(message_tree_id && { message_tree_id }) };
    const learnt = new Set<Node>();
    walk(prompt, [], (path) => {
      if (rows.length >= most) throw new RowRefused(`prompt: a tree of more than ${most} paths`);
      rows.push({ kind: 'chat', messages: path.map((node) => turnOf(node, learnt)), more });
    });
    if (rows.length === 0) throw new RowRefused('prompt: nobody has replied to it');
    return rows;
  },
  write(row) {
    const plain = row.kind === 'chat' && !row.tools ? plainExchanges(row.messages) : null;
    if (!plain || plain.system !== null) throw new RowRefused('a tree has no place for a system message, tools or weights');
    const texts = plain.exchanges.flat();
    const tree = texts.reduceRight<Node[]>(
      (replies, text, index) => [{ role: index % 2 === 0 ? 'prompter' : 'assistant', text, replies }],
      [],
    );
    return { ...row.more, prompt: tree[0]! };
  },
};

/** Best replies first. A path ends with the last reply of the assistant on it. */
function walk(node: Node, before: Node[], found: (path: Node[]) => void): void {
  if (before.length > 100) throw new RowRefused('prompt: replies nested deeper than 100');
  const path = [...before, node];
  const replies = (node.replies ?? []).toSorted((left, right) => (left.rank ?? 0) - (right.rank ?? 0));
  const answered = replies.filter((reply) => (reply.role !== 'assistant' ? (reply.replies ?? []).length > 0 : true));
  if (answered.length === 0) {
    if (node.role === 'assistant') found(path);
    return;
  }
  for (const reply of answered) walk(reply, path, found);
}

function turnOf(node: Node, learnt: Set<Node>): ChatTurn {
  if (node.role !== 'assistant') return { role: node.role === 'system' ? 'system' : 'user', content: node.text };
  const isKnown = learnt.has(node);
  learnt.add(node);
  return { role: 'assistant', content: node.text, ...(isKnown && { weight: 0 as const }) };
}
