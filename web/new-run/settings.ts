/** The settings that a run may be given, read from the contract's schema: a new one there is a new field here. */
import contract from '#contract/schema.json' with { type: 'json' };

export interface Setting {
  /** As errors and the list of chosen values name it: `n_epochs`, `adapter.r`. */
  path: string;
  /** `learning rate` */
  label: string;
  group: string;
  description: string;
  kind: 'integer' | 'number' | 'boolean' | 'choice' | 'list' | 'json' | 'text';
  choices: string[];
  /** In words: `1 to 50`. Empty when there is nothing to say. */
  range: string;
  /** Whether null means something: usually "all" or "no limit". */
  isNullable: boolean;
  /** What the contract falls back on where the platform chooses nothing. */
  usual: unknown;
}

interface Schema {
  type?: string;
  $ref?: string;
  items?: Schema;
  oneOf?: Schema[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

const definitions = contract.$defs as unknown as Record<string, Schema>;
const fields = (name: string): Record<string, Schema> => definitions[name]!.properties!;

/** How a model may be trained, by the names of the contract; the first is the usual one. */
export const methods: string[] = definitions['Method']!.oneOf!.map(({ $ref: reference }) => typeOf(nameIn(reference!)));

/** What may be trained of a model, by the names of the contract; the first is the usual one. */
export const adapters: string[] = definitions['Adapter']!.oneOf!.map(({ $ref: reference }) => typeOf(nameIn(reference!)));

/** What the request takes decides; the shapes behind it say what each is and what it falls back on. */
const settingsOfAll: Setting[] = Object.keys(fields('TrainingSettings'))
  .filter((name) => name in fields('RunExtensionsRequest'))
  .map((name) => settingOf(name, fields('TrainingSettings')[name]!, 'Training'));

const settingsOfAdapter = settingsByType('Adapter', 'adapter');
const settingsOfMethod = settingsByType('Method', 'method');

/** Of each member of a union, all but the name that tells it from the others. */
function settingsByType(union: string, part: string): Map<string, Setting[]> {
  return new Map(
    definitions[union]!.oneOf!.map(({ $ref: reference }) => {
      const own = Object.entries(fields(nameIn(reference!))).filter(([name]) => name !== 'type');
      return [typeOf(nameIn(reference!)), own.map(([name, schema]) => settingOf(`${part}.${name}`, schema, union))];
    }),
  );
}

/** What is trained, and how. */
export interface RunKind {
  method: string;
  adapter: string;
}

/** Every setting that a run of this kind has. */
export function settingsFor({ method, adapter }: RunKind): Setting[] {
  return [...(settingsOfMethod.get(method) ?? []), ...settingsOfAll, ...(settingsOfAdapter.get(adapter) ?? [])];
}

export function settingAt(kind: RunKind, path: string): Setting | undefined {
  return settingsFor(kind).find((setting) => setting.path === path);
}

/** `#/$defs/DpoMethod` → `DpoMethod` */
function nameIn(reference: string): string {
  return reference.split('/').at(-1)!;
}

function typeOf(definition: string): string {
  return String(fields(definition)['type']!.const);
}

function settingOf(path: string, schema: Schema, group: string): Setting {
  const name = path.split('.').at(-1)!;
  const options = schema.anyOf ?? [schema];
  const main = options.find(({ type }) => type !== 'null')!;
  return {
    path,
    label: name.replaceAll('_', ' '),
    group,
    description: schema.description ?? '',
    kind: kindOf(main),
    choices: (main.enum ?? []).map(String),
    range: rangeOf(main),
    isNullable: options.some(({ type }) => type === 'null'),
    usual: schema.default ?? null,
  };
}

function kindOf({ type, enum: choices, items, $ref: reference }: Schema): Setting['kind'] {
  if (choices) return 'choice';
  // An object, or a list of them, is written as JSON.
  if (type === 'object' || reference) return 'json';
  if (type === 'array' && (items?.$ref || items?.type === 'object')) return 'json';
  if (type === 'integer' || type === 'number' || type === 'boolean') return type;
  return type === 'array' ? 'list' : 'text';
}

function rangeOf({ minimum, maximum, exclusiveMinimum }: Schema): string {
  const from = minimum ?? exclusiveMinimum;
  if (from === undefined && maximum === undefined) return '';
  if (maximum === undefined) return exclusiveMinimum === undefined ? `${from} or more` : `more than ${from}`;
  return `${exclusiveMinimum === undefined ? '' : 'above '}${from ?? ''} to ${maximum}`;
}

/** What was typed, as the request carries it; undefined is "auto". An error says what the field takes. */
export function readSetting(setting: Setting, text: string): { value: unknown } | { error: string } {
  const given = text.trim();
  if (given === '' || given === 'auto') return { value: setting.choices.includes('auto') && given === 'auto' ? 'auto' : undefined };
  if (given === 'null' && setting.isNullable) return { value: null };
  if (setting.kind === 'boolean') return given === 'true' || given === 'false' ? { value: given === 'true' } : { error: 'true or false' };
  if (setting.kind === 'choice')
    return setting.choices.includes(given) ? { value: given } : { error: `one of ${setting.choices.join(', ')}` };
  if (setting.kind === 'list') return { value: listOf(given) };
  if (setting.kind === 'json') return readJson(given);
  if (setting.kind === 'text') return { value: given };
  const value = Number(given);
  if (!Number.isFinite(value)) return { error: `a number${setting.range && `, ${setting.range}`}` };
  if (setting.kind === 'integer' && !Number.isInteger(value)) return { error: `a whole number${setting.range && `, ${setting.range}`}` };
  return { value };
}

function readJson(text: string): { value: unknown } | { error: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { error: 'JSON' };
  }
}

function listOf(text: string): unknown[] {
  const items = text.split(/[\s,]+/).filter((item) => item !== '');
  return items.map((item) => (/^\d+$/.test(item) ? Number(item) : item));
}

/** A value as a field shows it. */
export function showValue(value: unknown): string {
  if (value === undefined) return '';
  if (value === null) return 'none';
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
