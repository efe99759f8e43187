/** One value as it is written in each language that a page offers its code in. */

/** A word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A JSON value as Python writes it, in one line. */
export function pythonValue(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}: ${pythonValue(field)}`);
    return `{${entries.join(', ')}}`;
  }
  return JSON.stringify(value);
}

/** A JSON object as YAML, a line a field; lists are written as JSON, which YAML reads. */
export function yamlOf(object: Record<string, unknown>, indent: string = ''): string {
  return Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const key = `${indent}${yamlText(name)}:`;
      const isNested = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
      return isNested ? `${key}\n${yamlOf(value as Record<string, unknown>, `${indent}  `)}` : `${key} ${yamlScalar(value)}\n`;
    })
    .join('');
}

function yamlScalar(value: unknown): string {
  return typeof value === 'string' ? yamlText(value) : JSON.stringify(value);
}

/** Words that YAML would read as something else are quoted; a text in double quotes is the same in JSON and YAML. */
function yamlText(text: string): string {
  return /^[A-Za-z][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);
}
