/** The languages that a page offers its code in. */

export interface Snippet {
  /** What the tab says. */
  label: string;
  code: string;
  /** How it is used, in a few words. */
  hint: string;
}

/** The platform as a program reaches it: where this page came from. */
export interface Target {
  /** `http://127.0.0.1:8080`, without a slash at its end. */
  origin: string;
}

/** The key never stands in a snippet: it would end up in a history or a repository. */
export const keyVariable = 'TUNELOOP_KEY';
