/** Rows as Parquet, some thousands a row group. */
import { ParquetWriter, schemaFromColumnData, ByteWriter } from 'hyparquet-writer';
import { cellText } from './cell-text.ts';

const rowsInGroup = 10_000;

/** Every column is text; lists and objects are their JSON. */
export async function* parquet(columns: string[], values: AsyncIterable<Record<string, unknown>>): AsyncIterable<Buffer> {
  const bytes = new ByteWriter();
  const columnData = (rows: Record<string, unknown>[]) =>
    columns.map((name) => ({ name, type: 'STRING' as const, nullable: true, data: rows.map((row) => cellText(row[name])) }));
  const writer = new ParquetWriter({ writer: bytes, schema: schemaFromColumnData({ columnData: columnData([]) }) });
  let rows: Record<string, unknown>[] = [];
  for await (const value of values) {
    rows.push(value);
    if (rows.length < rowsInGroup) continue;
    await writer.write({ columnData: columnData(rows), rowGroupSize: rowsInGroup });
    rows = [];
  }
  if (rows.length > 0) await writer.write({ columnData: columnData(rows), rowGroupSize: rowsInGroup });
  await writer.finish();
  yield Buffer.from(bytes.getBuffer());
}
