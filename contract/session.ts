/** A sign-in of the dashboard: a key is exchanged for a cookie that no script can read. */
import { z } from 'zod';
import { UnixSeconds } from './openai/common.ts';

/** Name of the cookie; its value is a random secret, of which the platform keeps the SHA-256 only. */
export const sessionCookie = 'tuneloop_session';

export const SessionRequest = z
  .strictObject({ key: z.string().min(1).describe('An API key of the platform.') })
  .meta({ id: 'SessionRequest' });
export type SessionRequest = z.output<typeof SessionRequest>;

export const Session = z
  .object({
    object: z.literal('session'),
    role: z.enum(['viewer', 'member', 'admin', 'owner']),
    project_id: z.string(),
    key_name: z.string().optional().describe('Name of the key that was signed in with.'),
    expires_at: UnixSeconds.nullable().describe('When the cookie ends; null where none is needed: keys are switched off, or one was sent.'),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;

export const SessionDeleted = z.object({ object: z.literal('session'), deleted: z.literal(true) }).meta({ id: 'SessionDeleted' });
export type SessionDeleted = z.infer<typeof SessionDeleted>;
