/** The dashboard's files as set-up has built them: sent to anyone, compressed once, under a policy that lets no other code run. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface Dashboard {
  /** Whether this is a browser asking for a page or one of its files, and no route of the API. */
  answers(request: FastifyRequest): boolean;
  send(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
}

interface StoredFile {
  modifiedMs: number;
  etag: string;
  bytes: { identity: Buffer; gzip: Buffer | null; br: Buffer | null };
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};
const compressible = new Set(['.html', '.js', '.css', '.json', '.svg', '.txt']);

/** What a model says is shown as text; should it ever become markup, it can neither run nor fetch anything. */
const policy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "frame-src 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

const securityHeaders = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tuneloop</title>
<h1>The dashboard is not built yet</h1>
<p>Run <code>npm run setup</code> in the clone, then load this page again. The API at <code>/v1</code> works without it.</p></html>
`;

/** `folder` is where the build is, or will be: it may be built anew while the platform runs. */
export function openDashboard(folder: string): Dashboard {
  const stored = new Map<string, StoredFile>();
  return {
    answers: (request) => request.is404 && ['GET', 'HEAD'].includes(request.method) && (isFile(folder, pathOf(request)) || isPage(request)),
    async send(request, reply) {
      const path = isFile(folder, pathOf(request)) ? pathOf(request) : '/index.html';
      void reply.headers(securityHeaders).header('vary', 'Accept-Encoding');
      const file = await storedFile(stored, folder, path);
      if (!file) return reply.code(503).header('cache-control', 'no-store').type(types['.html']!).send(notBuilt);
      // Names below assets/ hold a hash of what is in them.
      void reply.header('cache-control', path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
      void reply.header('etag', file.etag);
      if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
      const { encoding, bytes } = bestEncoding(file, request.headers['accept-encoding'] ?? '');
      if (encoding !== null) void reply.header('content-encoding', encoding);
      return reply.type(types[extname(path)] ?? 'application/octet-stream').send(bytes);
    },
  };
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0]!;
}

/** A browser that opens an address asks for HTML, programs do not: they are told which route does not exist. */
function isPage(request: FastifyRequest): boolean {
  const path = pathOf(request);
  if (path === '/') return true;
  return !/^\/+(api|v1|ws|assets)(\/|$)/.test(path) && (request.headers.accept ?? '').includes('text/html');
}

/** Plain names only: nothing that leads out of the folder, nothing hidden. */
function isFile(folder: string, path: string): boolean {
  if (!/^\/(assets\/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*\.[a-z0-9]+$/.test(path)) return false;
  return statSync(join(folder, path), { throwIfNoEntry: false })?.isFile() ?? false;
}

async function storedFile(stored: Map<string, StoredFile>, folder: string, path: string): Promise<StoredFile | null> {
  const found = await stat(join(folder, path)).catch(() => null);
  if (!found) return null;
  const known = stored.get(path);
  if (known?.modifiedMs === found.mtimeMs) return known;
  const identity = await readFile(join(folder, path));
  const [br, gzipped] = compressible.has(extname(path)) ? await compress(identity) : [null, null];
  const etag = `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`;
  const file = { modifiedMs: found.mtimeMs, etag, bytes: { identity, br, gzip: gzipped } };
  stored.set(path, file);
  return file;
}

function compress(bytes: Buffer): Promise<[Buffer, Buffer]> {
  // 9 of 11: the last two cost a second for two per cent.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return Promise.all([promisify(brotliCompress)(bytes, { params }), promisify(gzip)(bytes)]);
}

function bestEncoding({ bytes }: StoredFile, accepted: string): { encoding: string | null; bytes: Buffer } {
  for (const encoding of ['br', 'gzip'] as const) {
    if (bytes[encoding] && new RegExp(`\\b${encoding}\\b`).test(accepted)) return { encoding, bytes: bytes[encoding] };
  }
  return { encoding: null, bytes: bytes.identity };
}
