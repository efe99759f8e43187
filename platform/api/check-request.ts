/** Checks what a client sends against the contract; the first problem is told with the path of its field. */
import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { requestProblem } from '#contract/openai/request-problem.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** Fastify's validator compiler: one parse a request, its result is what the route sees. */
export const checkRequest: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (value: unknown) => {
    if ((value === undefined || value === null) && httpPart === 'body')
      return { error: new PlatformError('invalid_json', 'The body is empty; this route takes JSON.') };
    const parsed = schema.safeParse(value);
    return parsed.success ? { value: parsed.data } : { error: problemOf(parsed.error) };
  };
};

/** Parses or throws what the caller is told. */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw problemOf(parsed.error);
  return parsed.data;
}

function problemOf(error: z.ZodError): PlatformError {
  const { code, message, param } = requestProblem(error);
  return new PlatformError(code, message, { param });
}
