/** What the client was told: the log against which the platform is judged. */

export interface KnownFile {
  id: string;
  /** Its name is its own: a second file of this name is one too many. */
  filename: string;
  sha256: string;
}

export interface KnownRun {
  id: string;
  label: string;
  round: number;
  /** The cancellation was acknowledged before the run had ended. */
  wasCancelled: boolean;
  /** The seqs of its events, as a stream showed them, over all its breaks. */
  seen: number[];
}

export interface KnownStream {
  round: number;
  expected: string | null;
  text: string;
  /** done: `[DONE]`; error: an error frame; broken: the connection ended. */
  end: 'done' | 'error' | 'broken';
}

export class Oracle {
  readonly files: KnownFile[] = [];
  readonly runs: KnownRun[] = [];
  readonly streams: KnownStream[] = [];
  /** Revisions of the alias, each with the model that it was pointed at. */
  readonly promotions: { revision: number; model: string }[] = [];
  /** The adapter that the frozen run makes when nobody disturbs it. */
  adapterSha256: string | null = null;

  get acknowledged(): number {
    return this.files.length + this.runs.length + this.promotions.length;
  }
}
