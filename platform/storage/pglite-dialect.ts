/** PGlite for Kysely: one connection, handed to one query or transaction at a time, and opened anew when it has broken. */
import { closeSync } from 'node:fs';
import type { PGlite, Results } from '@electric-sql/pglite';
import {
  AbortedTransactionError,
  CompiledQuery,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
} from 'kysely';
import { withCause } from './database-failure.ts';

/**
 * Kysely's own dialect lets a query that starts during a transaction run inside of it, and be rolled back with it; here it waits.
 * So a transaction must use nothing but its own `trx`: what it asks of the database itself would wait for the transaction's end.
 */
export function pgliteDialect(open: () => Promise<PGlite>): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PgliteDriver(open),
    createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

/** Opening takes half a second of the processor: while the disk stays full, not every request may ask for it. */
const reopenMs = 1000;

class PgliteDriver implements Driver {
  readonly #open: () => Promise<PGlite>;
  #connection: PgliteConnection | null = null;
  /** Resolves when whoever asked last is done. */
  #last: Promise<void> = Promise.resolve();
  #release: () => void = () => {};
  /** Why it could not be opened anew, and until when nobody tries again. */
  #failure = { error: new Error('never failed'), untilMs: 0 };

  constructor(open: () => Promise<PGlite>) {
    this.#open = open;
  }

  async init(): Promise<void> {
    this.#connection = new PgliteConnection(await this.#open());
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    this.#release = resolve;
    try {
      return await this.#healthy();
    } catch (error) {
      resolve();
      throw error;
    }
  }

  async #healthy(): Promise<PgliteConnection> {
    if (this.#connection && !this.#connection.isBroken) return this.#connection;
    this.#connection?.abandon();
    this.#connection = null;
    if (performance.now() < this.#failure.untilMs) throw this.#failure.error;
    try {
      return (this.#connection = new PgliteConnection(await this.#open()));
    } catch (error) {
      this.#failure = { error: error as Error, untilMs: performance.now() + reopenMs };
      throw error;
    }
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: PgliteConnection): Promise<void> {
    // What a broken one had begun, its recovery undoes.
    if (!connection.isBroken) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    await this.#last;
    if (this.#connection?.isBroken) this.#connection.abandon();
    else await this.#connection?.close();
  }
}

class PgliteConnection implements DatabaseConnection {
  /** True after a failure that would have ended a real server's process: nothing in its memory can be trusted. */
  isBroken = false;
  readonly #pglite: PGlite;

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /** Without parameters several statements may stand in one query, as with PostgreSQL: a migration does. */
  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const result = await withCause(this.#run<Row>(query));
    // PostgreSQL answers "commit" with ROLLBACK when a statement of the transaction had failed.
    if (query.sql === 'commit' && result?.command === 'ROLLBACK') throw new AbortedTransactionError();
    return { rows: result?.rows ?? [], numAffectedRows: BigInt(result?.affectedRows ?? 0) };
  }

  async #run<Row>({ sql, parameters }: CompiledQuery): Promise<Results<Row> | undefined> {
    if (this.isBroken) throw new Error('PGlite is closed: it failed earlier in this transaction');
    try {
      if (parameters.length > 0) return await this.#pglite.query<Row>(sql, [...parameters]);
      return (await this.#pglite.exec(sql)).at(-1) as Results<Row> | undefined;
    } catch (error) {
      this.isBroken = isFatal(error);
      throw error;
    }
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error('PGlite cannot stream a query: page through the rows instead');
  }

  async close(): Promise<void> {
    if (!this.#pglite.closed) await this.#pglite.close();
  }

  /** As kill -9 would: it writes nothing more, and its files are let go of. Whoever opens it next recovers what was committed. */
  abandon(): void {
    const { FS } = this.#pglite.Module as unknown as { FS: { streams: ({ nfd?: number } | null)[] } };
    for (const stream of FS.streams) {
      if (stream?.nfd === undefined) continue;
      closeSync(stream.nfd);
      delete stream.nfd;
    }
  }
}

/** A full or failing disk (53100, class 58), an internal error (class XX), or a fault of the WebAssembly machine itself. */
function isFatal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (!('code' in error)) return error.name === 'RuntimeError' || error.name === 'ExitStatus';
  const isPanic = 'severity' in error && (error.severity === 'PANIC' || error.severity === 'FATAL');
  return isPanic || /^(53100|58...|XX...)$/.test(String(error.code));
}
