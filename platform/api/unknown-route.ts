/** What a call to a route that does not exist is answered: a page of the dashboard, the methods that do, or the route that was probably meant. */
import type { FastifyRequest } from 'fastify';
import { PlatformError } from '#platform/core/errors.ts';
import type { ApiServer } from './api-server.ts';
import type { Dashboard } from './dashboard.ts';

interface KnownRoute {
  methods: string[];
  /** Fastify's pattern, `/v1/files/:file_id`. */
  pattern: string;
  parts: string[];
}

export function answerUnknownRoutes(server: ApiServer, dashboard: Dashboard): void {
  const routes: KnownRoute[] = [];
  server.addHook('onRoute', ({ method, url, schema }) => {
    const methods = [method].flat();
    if (!methods.includes('HEAD') && !(schema as { hide?: boolean } | undefined)?.hide) {
      routes.push({ methods, pattern: url, parts: partsOf(url) });
    }
  });
  server.setNotFoundHandler((request, reply) => {
    if (dashboard.answers(request)) return dashboard.send(request, reply);
    const parts = partsOf(pathOf(request));
    const methods = routes.filter((route) => matches(route.parts, parts)).flatMap((route) => route.methods);
    if (methods.length === 0) throw unknownUrl(request, parts, routes);
    void reply.header('allow', methods.join(', '));
    throw new PlatformError('method_not_allowed', `${pathOf(request)} takes ${methods.join(' and ')}, not ${request.method}.`);
  });
}

function unknownUrl(request: FastifyRequest, parts: string[], routes: KnownRoute[]): PlatformError {
  const nearest = routes.toSorted((left, right) => strangeness(left.parts, parts) - strangeness(right.parts, parts))[0];
  const hint = nearest ? ` Did you mean ${nearest.methods.join('/')} ${nearest.pattern.replace(/:(\w+)/g, '{$1}')}?` : '';
  return new PlatformError(
    'unknown_url',
    `There is no route ${request.method} ${pathOf(request)}.${hint} GET /openapi.json lists all of them.`,
  );
}

/** Long paths are cut: they end up in a message. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0]!.slice(0, 200);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function matches(pattern: string[], parts: string[]): boolean {
  return pattern.length === parts.length && pattern.every((part, index) => part.startsWith(':') || part === parts[index]);
}

/** The commonest mistake is a base URL without /v1. */
function strangeness(pattern: string[], parts: string[]): number {
  const asGiven = distance(pattern, parts);
  return pattern[0] === 'v1' && parts[0] !== 'v1' ? Math.min(asGiven, 1 + distance(pattern.slice(1), parts)) : asGiven;
}

/** Letters to change, part by part; a parameter takes any part for little, a part too many or too few costs its whole length. */
function distance(pattern: string[], parts: string[]): number {
  let sum = 0;
  for (let index = 0; index < Math.max(pattern.length, parts.length); index++) {
    const expected = pattern[index];
    const given = parts[index];
    if (expected === undefined || given === undefined) sum += (expected ?? given)!.length + 2;
    else sum += expected.startsWith(':') ? 2 : lettersToChange(expected, given.slice(0, 40));
  }
  return sum;
}

/** Levenshtein's distance, row by row. */
function lettersToChange(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[line - 1] === to[column - 1];
      next.push(Math.min(row[column]! + 1, next[column - 1]! + 1, row[column - 1]! + (isSame ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length]!;
}
