/** Flags of `tuneloop train` that come from the contract: one for each setting of the trainer and of the adapter. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Adapter } from '#contract/adapter.ts';
import { TrainingSettings } from '#contract/training.ts';
import type { Flag } from './command.ts';

interface Setting {
  name: string;
  /** Where it goes in the request's `extensions`. */
  place: 'settings' | 'adapter';
  description: string;
  kind: 'number' | 'boolean' | 'list' | 'text' | 'json';
  choices: string[];
  /** Whether null means something: usually "all" or "no limit". */
  isNullable: boolean;
}

const placeholders = { number: 'number', boolean: 'true|false', list: 'a,b', text: 'text', json: 'file.json' } as const;

/** Type in the schema → what is typed. */
const kinds: Record<string, Setting['kind']> = { boolean: 'boolean', array: 'list', number: 'number', integer: 'number', object: 'json' };

/** Of all kinds of adapter; what two of them have in common once. */
const adapterShape = Adapter.options.reduce<Record<string, z.ZodType>>((all, { shape }) => ({ ...all, ...shape, ...all }), {});

/** Every setting there is, in the order of the contract. */
export const settings: Setting[] = [
  ...Object.entries(TrainingSettings.shape).map(([name, field]) => describe(name, field, 'settings')),
  ...Object.entries(adapterShape).flatMap(([name, field]) => (name === 'type' ? [] : [describe(name, field, 'adapter')])),
];

/** More than this beside a flag would push all descriptions off the screen. */
const mostPlaceholder = 48;

const hasManyChoices = ({ choices }: Setting): boolean => choices.join('|').length > mostPlaceholder;

function placeholderOf(setting: Setting): string {
  if (setting.choices.length === 0) return placeholders[setting.kind];
  return hasManyChoices(setting) ? 'name' : setting.choices.join('|');
}

/** `--learning-rate <number>` and so on; each takes "auto" too, which is what leaving it out means. */
export const settingsFlags: Flag[] = settings.map((setting) => ({
  flags: `--${setting.name.replaceAll('_', '-')} <${placeholderOf(setting)}>`,
  description: hasManyChoices(setting) ? `${setting.description} One of ${setting.choices.join(', ')}.` : setting.description,
  parse: (text) => readSetting(setting, text),
}));

/** The request's `extensions` from the flags (camelCase) and from `--set name=value`; undefined when nothing was said. */
export function extensionsFrom(flags: Record<string, unknown>): Record<string, unknown> | undefined {
  const given = {
    ...flags,
    ...Object.fromEntries(
      ((flags.set as [string, unknown][] | undefined) ?? []).map(([name, value]) => [
        name.startsWith('method.') ? name : camelCase(name),
        value,
      ]),
    ),
  };
  const chosen = settings.filter(({ name }) => given[camelCase(name)] !== undefined);
  const method = methodFrom(given);
  if (chosen.length === 0 && method === undefined && flags['adapter'] === undefined) return undefined;
  const at = (place: Setting['place']) =>
    Object.fromEntries(chosen.filter((each) => each.place === place).map(({ name }) => [name, given[camelCase(name)]]));
  const adapter = { ...(flags['adapter'] === undefined ? {} : { type: flags['adapter'] }), ...at('adapter') };
  return {
    ...at('settings'),
    ...(method && { method }),
    ...(Object.keys(adapter).length > 0 ? { adapter } : {}),
  };
}

/** The method's type from --method, its options from --set method.name=value. */
function methodFrom(given: Record<string, unknown>): Record<string, unknown> | undefined {
  const options = Object.entries(given).flatMap(([name, value]) =>
    name.startsWith('method.') ? [[name.slice('method.'.length), value] as const] : [],
  );
  if (given['method'] === undefined && options.length === 0) return undefined;
  return { ...(given['method'] === undefined ? {} : { type: given['method'] }), ...Object.fromEntries(options) };
}

/** Reads `learning_rate=1e-3`; `settings.` or `adapter.` before the name may be said, and `method.` must before an option of the method. */
export function readAssignment(text: string, before: unknown): [string, unknown][] {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (path?.startsWith('method.') && value !== '') {
    return [...((before as [string, unknown][] | undefined) ?? []), [path, Number.isFinite(Number(value)) ? Number(value) : value]];
  }
  const name = path?.replace(/^(settings|adapter)\./, '');
  const setting = settings.find((each) => each.name === name);
  if (!setting) throw new RangeError(`takes name=value with a name of ${settings.map((each) => each.name).join(', ')}; not "${text}"`);
  return [...((before as [string, unknown][] | undefined) ?? []), [setting.name, readSetting(setting, value!)]];
}

const camelCase = (name: string): string => name.replace(/[-_]([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());

function readSetting({ kind, choices, isNullable }: Setting, text: string): unknown {
  if (text === 'auto') return 'auto';
  if (text === 'null' && isNullable) return null;
  if (kind === 'list') return text.split(',').map((item) => (/^\d+$/.test(item) ? Number(item) : item));
  if (kind === 'boolean') {
    if (text !== 'true' && text !== 'false') throw new RangeError('takes true or false');
    return text === 'true';
  }
  if (kind === 'json') return readJson(text);
  if (kind === 'number') {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) throw new RangeError(`takes a number or "auto", not "${text}"`);
    return value;
  }
  if (choices.length > 0 && !choices.includes(text)) throw new RangeError(`takes one of ${choices.join(', ')}`);
  return text;
}

/** What the file holds, or the text itself where it is an object already. */
function readJson(text: string): unknown {
  const source = text.trimStart().startsWith('{') ? text : readText(text);
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new RangeError(`takes a file of JSON, and ${text} is none: ${(error as Error).message}`, { cause: error });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RangeError(`takes a file of JSON; ${(error as Error).message}`, { cause: error });
  }
}

function describe(name: string, field: z.ZodType, place: Setting['place']): Setting {
  const schema = z.toJSONSchema(field, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const { type, enum: choices = [] } = schema.anyOf?.find((option) => option.type !== 'null') ?? schema;
  const kind = kinds[type ?? ''] ?? 'text';
  const isNullable = schema.anyOf?.some((option) => option.type === 'null') ?? false;
  return { name, place, description: field.description ?? sentence(name), kind, choices: choices.map(String), isNullable };
}

interface JsonSchema {
  type?: string;
  enum?: unknown[];
  anyOf?: JsonSchema[];
}

/** `n_epochs` → "N epochs.": what to say of a setting whose name says it all. */
function sentence(name: string): string {
  const words = name.replaceAll('_', ' ');
  return `${words[0]!.toUpperCase()}${words.slice(1)}.`;
}
