import { expect, it } from 'vitest';
import { parseTemplate, renderTemplate, TemplateFailure, TemplateRefusal } from './render-template.ts';

const render = (source: string, values: Record<string, unknown> = {}): string => renderTemplate(parseTemplate(source), values);

it('renders loops, filters and namespaces with the values it is given', () => {
  const source =
    '{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.content | trim }};{% endfor %}{{ ns.n }}';
  expect(render(source, { messages: [{ content: ' a ' }, { content: 'b' }] })).toBe('a;b;2');
});

it('takes the line of a block with it', () => {
  expect(render('a\n  {% if true %}\nb\n  {% endif %}\nc')).toBe('a\nb\nc');
});

it('tells one date for ever', () => {
  expect(render('{{ strftime_now("%d %b %Y") }}')).toBe('26 Jul 2024');
});

it('passes on what raise_exception says', () => {
  expect(() => render('{{ raise_exception("roles must alternate") }}')).toThrow(new TemplateRefusal('roles must alternate'));
});

it.each([
  '{{ messages.constructor }}',
  '{{ messages.__proto__ }}',
  '{{ messages.__class__ }}',
  '{{ "".constructor }}',
  '{{ range.constructor }}',
  '{{ range.__globals__ }}',
  '{{ raise_exception.caller }}',
  '{{ namespace.constructor }}',
  '{{ {}.constructor }}',
  '{{ process }}{{ globalThis }}{{ require }}{{ self }}{{ cycler }}{{ lipsum }}{{ module }}',
  '{{ messages[0].constructor }}',
  '{{ messages["constructor"] }}',
])('shows nothing of the host: %s', (source) => {
  expect(render(source, { messages: [{ role: 'user', content: 'x' }] })).toBe('');
});

it.each([
  '{{ "".constructor.constructor("return process")() }}',
  '{{ messages.constructor("return process")() }}',
  '{{ range.constructor("return process")() }}',
  '{{ namespace.__init__.__globals__.os.popen("id") }}',
  '{{ cycler.__init__.__globals__.os.popen("id").read() }}',
  '{{ require("child_process").execSync("id") }}',
  '{{ process.mainModule.require("fs") }}',
  '{% include "/etc/passwd" %}',
  '{% import "os" as os %}',
  '{{ range(1000000000) }}',
  '{{ range(0, 10, 0) }}',
  '{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}',
  '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
  '{% set ns = namespace(s="x") %}{% for a in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}',
  '{% set ns = namespace(s=[1]) %}{% for a in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}',
  '{{ "x" | indent(2000000000) }}',
  '{% for %}',
])('ends with an error, and soon: %s', (source) => {
  const startMs = performance.now();
  expect(() => render(source, { messages: [] })).toThrow(TemplateFailure);
  expect(performance.now() - startMs).toBeLessThan(5000);
});
