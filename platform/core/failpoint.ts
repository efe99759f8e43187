/** Named moments at which a test may end this process, where a crash would be worst; without a test they are nothing. */

/** `before` a commit nothing may be there after the crash; `after` it everything, though nobody was told. */
export type Failpoint = `${'job' | 'file' | 'checkpoint' | 'success'}-${'before' | 'after'}-commit`;

let act: ((name: Failpoint) => void) | null = null;

/** For tests only: called at every moment from now on. */
export function armFailpoints(reached: (name: Failpoint) => void): void {
  act = reached;
}

export function failpoint(name: Failpoint): void {
  act?.(name);
}
