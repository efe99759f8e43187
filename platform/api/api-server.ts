/** The types that every file of this room shares: the server, the caller of a request, what a route says about itself. */
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { App } from '#platform/app.ts';
import type { Chat } from '#platform/chat/chat.ts';

export type ApiServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes are handed. */
export interface Rooms extends App {
  chat: Chat;
  /** Fires when the server begins to close: streams without an end of their own stop. */
  draining: AbortSignal;
  /** Fires when the grace for running answers is over. */
  closing: AbortSignal;
}

/** Adds one group of routes to the server. */
export type RouteGroup = (server: ApiServer, rooms: Rooms) => void;

export interface Caller {
  projectId: string;
  role: 'viewer' | 'member' | 'admin' | 'owner';
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the key check before any route runs; routes without one never see a request. */
    caller: Caller;
  }
  interface FastifyContextConfig {
    /** Who may call without an API key: anyone, or who has the metrics token. Left out: nobody. */
    access?: 'open' | 'metrics';
    /** A GET that does more than read: viewers are refused. */
    writes?: boolean;
    /** A write that viewers may do too. */
    forViewers?: boolean;
  }
}
