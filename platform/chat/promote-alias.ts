/** Points an alias at a version once that version answers: loaded first, then named, so that no request waits for it. */
import { PlatformError } from '#platform/core/errors.ts';
import { aliasTarget, previousModel, rollBackAlias, setAlias, type AliasWithHistory } from '#platform/models/aliases.ts';
import type { Chat } from './chat.ts';
import { forgetVersion, resolveVersion } from './resolve-version.ts';

/** Throws what resolving and loading the model throw, and `invalid_request` for an alias of an alias or a name that is taken. */
export async function promoteAlias(
  chat: Chat,
  projectId: string,
  change: { name: string; model: string; reason: string | null },
): Promise<AliasWithHistory> {
  if ((await aliasTarget(chat.versions, projectId, change.model)) !== null) {
    const message = `"${change.model}" is an alias itself; give the version that it stands for`;
    throw new PlatformError('invalid_request', message, { param: 'model' });
  }
  await load(chat, projectId, change.model);
  const alias = await setAlias(chat.versions, projectId, change);
  forgetVersion(chat, projectId, change.name);
  return alias;
}

/** Back to what answered before. Throws `alias_not_found`, `invalid_state` where nothing did, and what loading it throws. */
export async function undoPromotion(
  chat: Chat,
  projectId: string,
  change: { name: string; reason: string | null },
): Promise<AliasWithHistory> {
  const expected = await previousModel(chat.versions, projectId, change.name);
  await load(chat, projectId, expected);
  const alias = await rollBackAlias(chat.versions, projectId, { ...change, expected });
  forgetVersion(chat, projectId, change.name);
  return alias;
}

async function load(chat: Chat, projectId: string, model: string): Promise<void> {
  const { engine, version } = await resolveVersion(chat, projectId, model);
  await engine.load(version);
}
