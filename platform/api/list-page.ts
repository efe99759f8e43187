/** The envelope of OpenAI's lists. */

export interface ListPage<Item> {
  object: 'list';
  data: Item[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}

/** `last_id` is what the caller sends back as `after`. */
export function listPage<Item extends { id: string }>(data: Item[], hasMore: boolean): ListPage<Item> {
  return { object: 'list', data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

/** Whole seconds since 1970, as the wire has all times. */
export function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
