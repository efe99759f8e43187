/** Why one row cannot be used: of the row, in words for whoever wrote it. */
export class RowRefused extends Error {}
