import { describe, expect, it } from 'vitest';
import { checkRows } from './check-rows.ts';
import { comparedChats } from './compared-chats.ts';

const user = { role: 'user', content: 'Who are you?' };
const said = (content: string) => [{ role: 'assistant', content }];
const pair = { input: { messages: [user] }, preferred_output: said('Pell.'), non_preferred_output: said('A very long answer.') };
const labelled = { prompt: [user], completion: said('Pell.'), label: true };

describe('a row that compares answers', () => {
  it('is one chat for each answer, and nothing is learnt of the prompt', () => {
    const input = { messages: [user, ...said('Hm.'), user] };
    const chats = comparedChats({ ...pair, input }, ['preference']);
    expect(chats).toHaveLength(2);
    expect(chats[0]!.messages[1]).toMatchObject({ content: 'Hm.', weight: 0 });
    expect(chats.map(({ messages }) => messages.at(-1)!.content)).toEqual(['Pell.', 'A very long answer.']);
    expect(comparedChats(labelled, ['unpaired', 'preference'])).toHaveLength(1);
    expect(comparedChats(pair, ['unpaired', 'preference'])).toHaveLength(2);
  });

  it.each([
    [{ ...pair, preferred_output: undefined }, 'preferred_output'],
    [{ ...pair, preferred_output: pair.non_preferred_output }, 'both answers are the same'],
    [{ ...pair, input: { messages: [user, ...said('Hm.')] } }, 'is from the assistant, not from the user'],
    [{ ...pair, non_preferred_output: [user] }, 'an answer begins with'],
    [{ messages: [user, ...said('x')] }, 'input'],
    ['text', 'not a JSON object'],
  ])('is refused where it compares nothing: %j', (row, reason) => {
    expect(() => comparedChats(row, ['preference'])).toThrow(reason);
  });

  it('counts the longer chat, and all that carries loss', async () => {
    const countTokens = (row: object) => ({ total: JSON.stringify(row).length, trained: 5 });
    const body = (async function* () {
      yield Buffer.from(`${JSON.stringify(pair)}\n{"messages": []}\n`);
    })();
    const checked = await checkRows(body, { contextLength: 1e6, countTokens, kinds: ['preference'] });
    expect(checked).toMatchObject({ rows: 2, problemCount: 1, trainedTokens: 10 });
    expect(checked.problems[0]).toMatchObject({ row: 2, reason: expect.stringContaining('input') });
  });
});
