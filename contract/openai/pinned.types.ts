/**
 * Holds our OpenAI shapes against the types of the official `openai` package, at compile time: a field that is missing, misspelt or
 * of another type fails `tsc`, and so does a field that a newer SDK adds, until we say here what we do with it.
 */
import type OpenAI from 'openai';
import type { z } from 'zod';
import type * as Chat from './chat-answers.ts';
import type { ChatCompletionRequest } from './chat-completions.ts';
import type * as Completions from './completions.ts';
import type { FineTuningJobRequest } from './create-fine-tuning-job.ts';
import type * as Graders from './graders.ts';
import type * as Files from './files.ts';
import type * as FineTuning from './fine-tuning.ts';
import type * as Models from './models.ts';

/** The keys a type spells out, without those of an index signature. */
type KnownKeys<T> = keyof { [Key in keyof T as string extends Key ? never : Key]: T[Key] };

/** The same type without the index signatures of objects that accept unknown keys; pure records stay. */
type Known<T> = T extends string
  ? T
  : T extends readonly (infer Item)[]
    ? Known<Item>[]
    : T extends object
      ? [KnownKeys<T>] extends [never]
        ? T
        : { [Key in keyof T as string extends Key ? never : Key]: Known<T[Key]> }
      : T;

/** Compiles only when `Claim` is true; otherwise the error shows what is wrong. */
type Holds<Claim extends true> = Claim;

/** What we answer is an OpenAI answer, and its keys are OpenAI's, but for those we leave out and those we add. */
type AnswersAs<Ours, Theirs, Omitted extends keyof Theirs = never, Added extends keyof Ours = never> = [Ours] extends [Theirs]
  ? [Exclude<keyof Theirs, keyof Ours | Omitted>] extends [never]
    ? [Exclude<keyof Ours, keyof Theirs | Added>] extends [never]
      ? true
      : { notOfOpenAi: Exclude<keyof Ours, keyof Theirs | Added> }
    : { missing: Exclude<keyof Theirs, keyof Ours | Omitted> }
  : { notAssignable: Ours; to: Theirs };

/** What OpenAI's client may send fits our schema, and every one of its fields is one that we decided about. */
type Accepts<Schema extends z.ZodType, Theirs> = [Known<Theirs>] extends [Known<z.input<Schema>>]
  ? [Exclude<KnownKeys<Theirs>, KnownKeys<z.input<Schema>>>] extends [never]
    ? true
    : { undecided: Exclude<KnownKeys<Theirs>, KnownKeys<z.input<Schema>>> }
  : { notAccepted: Mismatches<Known<Theirs>, Known<z.input<Schema>>> };

type Mismatches<Theirs, Ours> = {
  [Key in keyof Theirs & keyof Ours]: [Theirs[Key]] extends [Ours[Key]] ? never : Key;
}[keyof Theirs & keyof Ours];

type Replace<T, Changes> = Omit<T, keyof Changes> & Changes;

// Chat: no audio, moderation, annotations or obfuscation comes from a text model.
type OurChoice = Chat.ChatCompletion['choices'][number];
type OurChunkChoice = Chat.ChatCompletionChunk['choices'][number];
type OurToolDelta = NonNullable<OurChunkChoice['delta']['tool_calls']>[number];
type TheirChoice = OpenAI.ChatCompletion.Choice;
type TheirChunkChoice = OpenAI.ChatCompletionChunk.Choice;

export type ChatPins = [
  Holds<AnswersAs<Chat.ChatCompletion, OpenAI.ChatCompletion, 'metadata' | 'moderation'>>,
  Holds<AnswersAs<OurChoice, TheirChoice>>,
  Holds<AnswersAs<OurChoice['message'], TheirChoice['message'], 'annotations' | 'audio'>>,
  Holds<AnswersAs<NonNullable<OurChoice['logprobs']>, NonNullable<TheirChoice['logprobs']>>>,
  Holds<AnswersAs<Chat.ChatTokenLogprob, OpenAI.ChatCompletionTokenLogprob>>,
  Holds<AnswersAs<Chat.ChatTokenLogprob['top_logprobs'][number], OpenAI.ChatCompletionTokenLogprob.TopLogprob>>,
  Holds<AnswersAs<Chat.ChatToolCall, OpenAI.ChatCompletionMessageFunctionToolCall>>,
  Holds<AnswersAs<Chat.CompletionUsage, OpenAI.CompletionUsage, 'completion_tokens_details'>>,
  Holds<AnswersAs<Chat.ChatCompletionChunk, OpenAI.ChatCompletionChunk, 'moderation' | 'obfuscation'>>,
  Holds<AnswersAs<OurChunkChoice, TheirChunkChoice>>,
  Holds<AnswersAs<OurChunkChoice['delta'], TheirChunkChoice['delta'], 'audio'>>,
  Holds<AnswersAs<OurToolDelta, OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall, 'custom'>>,
  Holds<Accepts<typeof ChatCompletionRequest, OpenAI.ChatCompletionCreateParamsNonStreaming>>,
  Holds<Accepts<typeof ChatCompletionRequest, OpenAI.ChatCompletionCreateParamsStreaming>>,
];

// Completions: OpenAI's type forgets the nulls that its API sends for the first echoed token and for unfinished stream pieces.
type TheirLogprobs = Replace<
  OpenAI.CompletionChoice.Logprobs,
  { token_logprobs?: (number | null)[]; top_logprobs?: (Record<string, number> | null)[] }
>;
type TheirCompletionChoice = Replace<OpenAI.CompletionChoice, { logprobs: TheirLogprobs | null }>;
type TheirCompletion = Replace<OpenAI.Completion, { choices: TheirCompletionChoice[] }>;
type TheirPieceChoice = Replace<TheirCompletionChoice, { finish_reason: OpenAI.CompletionChoice['finish_reason'] | null }>;
type TheirPiece = Replace<OpenAI.Completion, { choices: TheirPieceChoice[]; usage?: OpenAI.CompletionUsage | null }>;

export type CompletionPins = [
  Holds<AnswersAs<Completions.Completion, TheirCompletion>>,
  Holds<AnswersAs<Completions.Completion['choices'][number], TheirCompletionChoice>>,
  Holds<AnswersAs<Completions.CompletionLogprobs, TheirLogprobs>>,
  Holds<AnswersAs<Completions.CompletionChunk, TheirPiece>>,
  Holds<AnswersAs<Completions.CompletionChunk['choices'][number], TheirPieceChoice>>,
  Holds<Accepts<typeof Completions.CompletionRequest, OpenAI.CompletionCreateParams>>,
];

// Fine-tuning: OpenAI's API answers `paused`, its enum does not have it. A grader is given back as it was sent, whatever it is.
type OurJob = Replace<FineTuning.FineTuningJob, { status: Exclude<FineTuning.FineTuningJob['status'], 'paused'> }>;
type TheirReinforcement = OpenAI.FineTuning.ReinforcementMethod;
type OurReinforcement = Replace<NonNullable<NonNullable<OurJob['method']>['reinforcement']>, { grader: TheirReinforcement['grader'] }>;
type OurMethod = Omit<NonNullable<OurJob['method']>, 'reinforcement'>;
type TheirJob = OpenAI.FineTuning.FineTuningJob;
type TheirCheckpoint = OpenAI.FineTuning.Jobs.FineTuningJobCheckpoint;

export type FineTuningPins = [
  Holds<AnswersAs<Replace<OurJob, { method?: OurMethod & { reinforcement?: OurReinforcement } }>, TheirJob>>,
  Holds<AnswersAs<OurJob['hyperparameters'], OpenAI.FineTuning.FineTuningJob.Hyperparameters>>,
  Holds<AnswersAs<OurMethod, OpenAI.FineTuning.FineTuningJob.Method, 'reinforcement'>>,
  Holds<AnswersAs<OurReinforcement, TheirReinforcement>>,
  Holds<AnswersAs<OurReinforcement['hyperparameters'], OpenAI.FineTuning.ReinforcementHyperparameters>>,
  Holds<AnswersAs<NonNullable<OurMethod['supervised']>, OpenAI.FineTuning.SupervisedMethod>>,
  Holds<AnswersAs<NonNullable<OurMethod['dpo']>, OpenAI.FineTuning.DpoMethod>>,
  Holds<AnswersAs<NonNullable<OurMethod['dpo']>['hyperparameters'], OpenAI.FineTuning.DpoHyperparameters>>,
  Holds<AnswersAs<NonNullable<OurJob['error']>, OpenAI.FineTuning.FineTuningJob.Error>>,
  Holds<AnswersAs<FineTuning.FineTuningJobEvent, OpenAI.FineTuning.FineTuningJobEvent>>,
  Holds<AnswersAs<FineTuning.FineTuningJobCheckpoint, TheirCheckpoint>>,
  Holds<AnswersAs<FineTuning.FineTuningJobCheckpoint['metrics'], OpenAI.FineTuning.Jobs.FineTuningJobCheckpoint.Metrics>>,
  // An integration is refused, so its type is not pinned.
  Holds<Accepts<typeof FineTuningJobRequest, OpenAI.FineTuning.JobCreateParams>>,
  Holds<Accepts<typeof FineTuning.FineTuningJobListQuery, Replace<OpenAI.FineTuning.JobListParams, { metadata?: Record<string, string> }>>>,
  Holds<Accepts<typeof FineTuning.FineTuningJobEventListQuery, OpenAI.FineTuning.JobListEventsParams>>,
  Holds<Accepts<typeof FineTuning.FineTuningJobCheckpointListQuery, OpenAI.FineTuning.Jobs.CheckpointListParams>>,
];

// Graders: what is asked is pinned; an image or audio that a judge would read is refused, and so is code.
type TheirRun = OpenAI.FineTuning.Alpha.GraderRunResponse;
export type GraderPins = [
  Holds<AnswersAs<Graders.GraderRun, TheirRun>>,
  Holds<AnswersAs<Graders.GraderRun['metadata'], TheirRun['metadata']>>,
  Holds<AnswersAs<Graders.GraderErrors, TheirRun['metadata']['errors']>>,
  Holds<Accepts<typeof Graders.GraderRunRequest, OpenAI.FineTuning.Alpha.GraderRunParams>>,
  Holds<Accepts<typeof Graders.GraderValidateRequest, OpenAI.FineTuning.Alpha.GraderValidateParams>>,
];

// Files: the purpose `evals` may be uploaded, and OpenAI's answer type forgets it.
type OurFile = Replace<Files.FileObject, { purpose: Exclude<Files.FileObject['purpose'], 'evals'> }>;
type TheirUpload = Omit<OpenAI.FileCreateParams, 'file'>;

export type FilePins = [
  Holds<AnswersAs<OurFile, OpenAI.FileObject>>,
  Holds<AnswersAs<Files.FileDeleted, OpenAI.FileDeleted>>,
  Holds<Accepts<typeof Files.FileUploadRequest, TheirUpload>>,
  Holds<Accepts<typeof Files.FileListQuery, OpenAI.FileListParams>>,
];

export type ModelPins = [
  Holds<AnswersAs<Models.Model, OpenAI.Model, never, 'x_kind' | 'x_base_model' | 'x_run_id' | 'x_step' | 'x_sha256' | 'x_alias_of'>>,
  Holds<AnswersAs<Models.ModelDeleted, OpenAI.ModelDeleted>>,
];

/** What the SDK's pages read of a list. */
interface TheirPage<Item> {
  data: Item[];
  has_more: boolean;
}
export type ListPins = [
  Holds<Files.FileList extends TheirPage<Files.FileObject> ? true : false>,
  Holds<FineTuning.FineTuningJobList extends TheirPage<FineTuning.FineTuningJob> ? true : false>,
  Holds<FineTuning.FineTuningJobEventList extends TheirPage<FineTuning.FineTuningJobEvent> ? true : false>,
  Holds<FineTuning.FineTuningJobCheckpointList extends TheirPage<FineTuning.FineTuningJobCheckpoint> ? true : false>,
  Holds<Models.ModelList extends { object: string; data: Models.Model[] } ? true : false>,
];
