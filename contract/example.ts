/** Sets of example data that ship with the platform, so that the first run needs nothing from outside. */
import { z } from 'zod';
import { FileObject } from './openai/files.ts';

export const ExampleSet = z
  .object({
    name: z.string(),
    rows: z.int().min(1),
    has_validation: z.boolean(),
    questions: z
      .array(z.object({ question: z.string(), expect: z.array(z.string()), system: z.string().nullable() }))
      .describe('The first few that are not in its rows, with words of which a right answer has any.'),
  })
  .meta({ id: 'ExampleSet' });
export type ExampleSet = z.infer<typeof ExampleSet>;

export const ExampleSetList = z.object({ object: z.literal('list'), data: z.array(ExampleSet), has_more: z.literal(false) }).meta({
  id: 'ExampleSetList',
});
export type ExampleSetList = z.infer<typeof ExampleSetList>;

/** The files of a set, as a run takes them. */
export const ExampleFiles = z.object({ training_file: FileObject, validation_file: FileObject.nullable() }).meta({ id: 'ExampleFiles' });
export type ExampleFiles = z.infer<typeof ExampleFiles>;
