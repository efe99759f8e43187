/** Why a grader gave no reward: one of OpenAI's flags. */
import type { GraderErrors } from '#contract/openai/graders.ts';

export type GraderFlag = { [Key in keyof GraderErrors]: GraderErrors[Key] extends boolean ? Key : never }[keyof GraderErrors];

export class GraderFailure extends Error {
  readonly flag: GraderFlag;

  constructor(flag: GraderFlag, message: string) {
    super(message);
    this.flag = flag;
  }
}
