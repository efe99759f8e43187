/** Formulas over the rewards of several graders: numbers, names, + - * / ^, brackets and a few functions. Nothing else is run. */

/** What is no formula, or comes to no number. */
export class FormulaProblem extends Error {}

const functions: Record<string, (...values: number[]) => number> = {
  min: Math.min,
  max: Math.max,
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  exp: Math.exp,
  sqrt: Math.sqrt,
  log: Math.log,
};
const mostDepth = 100;

/** The worker's formula.py comes to the same. Throws FormulaProblem. */
export function evaluateFormula(source: string, values: Record<string, number>): number {
  const result = new Reader(source, values).read();
  if (!Number.isFinite(result)) throw new FormulaProblem(`calculate_output: comes to ${result}`);
  return result;
}

/** Throws FormulaProblem for what is no formula over these names, whatever their values. */
export function checkFormula(source: string, names: readonly string[]): void {
  new Reader(source, Object.fromEntries(names.map((name) => [name, 1]))).read();
}

class Reader {
  readonly #tokens: string[];
  readonly #values: Record<string, number>;
  #at = 0;
  #depth = 0;

  constructor(source: string, values: Record<string, number>) {
    this.#tokens = source.match(/\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|[A-Za-z_]\w*|\S/g) ?? [];
    this.#values = values;
  }

  read(): number {
    const value = this.#sum();
    if (this.#at < this.#tokens.length) throw this.#unexpected();
    return value;
  }

  #sum(): number {
    let value = this.#product();
    for (;;) {
      if (this.#take('+')) value += this.#product();
      else if (this.#take('-')) value -= this.#product();
      else return value;
    }
  }

  #product(): number {
    let value = this.#signed();
    for (;;) {
      if (this.#take('*')) value *= this.#signed();
      else if (this.#take('/')) value /= this.#signed();
      else return value;
    }
  }

  /** A sign binds less than a power: -2 ^ 2 is -4. */
  #signed(): number {
    if (++this.#depth > mostDepth) throw new FormulaProblem('calculate_output: is nested too deeply');
    const value = this.#take('-') ? -this.#signed() : this.#power();
    this.#depth--;
    return value;
  }

  #power(): number {
    const base = this.#atom();
    return this.#take('^') ? base ** this.#signed() : base;
  }

  #atom(): number {
    if (this.#take('(')) return this.#closed(this.#sum());
    const token = this.#tokens[this.#at];
    if (token === undefined) throw this.#unexpected();
    this.#at++;
    if (/^[\d.]/.test(token)) return Number(token);
    if (Object.hasOwn(functions, token) && this.#take('(')) return functions[token]!(...this.#list());
    if (Object.hasOwn(this.#values, token)) return this.#values[token]!;
    throw new FormulaProblem(`calculate_output: there is no grader "${token}"`);
  }

  #list(): number[] {
    const values = [this.#sum()];
    while (this.#take(',')) values.push(this.#sum());
    this.#closed(0);
    return values;
  }

  #closed(value: number): number {
    if (!this.#take(')')) throw this.#unexpected();
    return value;
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #unexpected(): FormulaProblem {
    const token = this.#tokens[this.#at];
    return new FormulaProblem(`calculate_output: ${token === undefined ? 'ends too early' : `"${token}" is not expected`}`);
  }
}
