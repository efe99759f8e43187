/** One of those that are measured: what it is told, and what it tells. */

export interface Setting {
  modelFile: string;
  threads: number;
  /** Streams that a side must be able to decode at once, and tokens that each may hold. */
  slots: number;
  context: number;
  /** Tokens that each answer has. */
  length: number;
}

export interface Cost {
  tokens: number;
  cpuSeconds: number;
}

export interface Side {
  name: string;
  /** Answers all prompts at once. */
  answer(prompts: string[]): Promise<Cost>;
  close(): Promise<void>;
}
