/** Reads JSON bodies: an empty one is none, a poisoned or bottomless one is refused. */
import { PlatformError } from '#platform/core/errors.ts';
import type { ApiServer } from './api-server.ts';

/** Recursive readers further down would run out of stack on thousands. */
const deepest = 100;

export function parseJsonBodies(server: ApiServer): void {
  // A page of another site can send text/plain without asking first: only JSON is read.
  server.removeContentTypeParser(['application/json', 'text/plain']);
  const parse = server.getDefaultJsonParser('remove', 'remove');
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.trim() === '') return done(null, undefined);
    if (isDeeperThan(deepest, body)) {
      return done(new PlatformError('invalid_request', `The body is nested more than ${deepest} levels deep.`));
    }
    void parse(request, body, (error, value) =>
      done(error && new PlatformError('invalid_json', `The body is not valid JSON: ${jsonProblem(body)}`), value),
    );
  });
}

function jsonProblem(body: string): string {
  try {
    JSON.parse(body);
    return 'it cannot be read';
  } catch (error) {
    return (error as Error).message.slice(0, 200);
  }
}

/** Counts brackets outside strings. */
function isDeeperThan(limit: number, text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (isInString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) isInString = false;
    } else if (code === 0x22) isInString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}
