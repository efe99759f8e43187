/** What a user message can tell the scripted engine to do: `{"scripted": {"text": "…", "delay_ms": 20}}`. */
import { z } from 'zod';
import { errorKinds, type ErrorCode } from '#contract/errors.ts';
import { PlatformError } from '#platform/core/errors.ts';

export const Script = z.strictObject({
  text: z.string().optional().describe('What is said; without it "You said: " and the message, or JSON that fits the response format.'),
  say_version: z.boolean().default(false).describe('Says the name of the version that answers instead, again and again as repeat says.'),
  repeat: z.int().min(1).max(1_000_000).default(1).describe('The text is said so many times, one after the other.'),
  tool_calls: z
    .array(z.strictObject({ name: z.string(), arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).default({}) }))
    .default([])
    .describe('Called after the text; the request must offer them.'),
  delay_ms: z.number().min(0).max(60_000).default(0).describe('Before each token.'),
  fail_after: z.int().min(0).optional().describe('Tokens after which the answer fails; 0 is before the first.'),
  error: z
    .string()
    .refine((code): code is ErrorCode => Object.hasOwn(errorKinds, code), 'is no error code of the platform')
    .default('engine_failed')
    .describe('What it fails with.'),
  finish_reason: z.enum(['stop', 'length']).default('stop').describe('Why an answer that was said in full ended.'),
});
export type Script = z.output<typeof Script>;

/** Null for a message that is no script. Throws `invalid_request` for one that is wrong. */
export function readScript(text: string): Script | null {
  if (!/^\s*\{\s*"scripted"/.test(text)) return null;
  const json = parsed(text);
  if (json === undefined) return null;
  const script = Script.safeParse((json as { scripted: unknown }).scripted);
  if (script.success) return script.data;
  const issue = script.error.issues[0]!;
  throw new PlatformError('invalid_request', `the script in the last user message, "${issue.path.join('.')}": ${issue.message}`, {
    param: 'messages',
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
