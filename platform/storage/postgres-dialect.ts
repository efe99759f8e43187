/** PostgreSQL for Kysely, whose lost connections come out as `database_unavailable`. */
import { PostgresDialect, PostgresDriver, type DatabaseConnection, type Dialect } from 'kysely';
import pg from 'pg';
import { withCause } from './database-failure.ts';

/** int8, such as count(*), is a number here: none of ours comes near 2^53. All else is as node-postgres reads it. */
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === 20 ? Number : pg.types.getTypeParser(oid, format as 'text')),
} as pg.CustomTypesConfig;

/** Nothing connects before the first query. */
export function postgresDialect(address: string): Dialect {
  const pool = new pg.Pool({ connectionString: address, max: 10, connectionTimeoutMillis: 5000, keepAlive: true, types });
  // A connection that dies while idle, or between two queries of a transaction, leaves the pool by itself, and the query that misses
  // it fails; without these listeners its error would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const dialect = new PostgresDialect({ pool });
  return {
    createAdapter: () => dialect.createAdapter(),
    createDriver: () => new Postgres({ pool }),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  };
}

class Postgres extends PostgresDriver {
  readonly #known = new WeakSet<DatabaseConnection>();

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await withCause(super.acquireConnection());
    if (!this.#known.has(connection)) {
      this.#known.add(connection);
      const execute = connection.executeQuery.bind(connection);
      connection.executeQuery = (...given) => withCause(execute(...given));
    }
    return connection;
  }
}
