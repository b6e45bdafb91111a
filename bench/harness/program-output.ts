/** One line of a program's standard output. */
export type OutputLine =
  | { readonly kind: 'progress'; readonly done: number }
  | { readonly kind: 'result'; readonly result: object }
  | { readonly kind: 'text'; readonly text: string };

const PROGRESS = 'PROGRESS ';
const RESULT = 'RESULT ';

/** @throws Error when a line that says it is a result or progress is none */
export function parseOutputLine(line: string): OutputLine {
  if (line.startsWith(RESULT)) return { kind: 'result', result: parseObject(line, RESULT) };
  if (!line.startsWith(PROGRESS)) return { kind: 'text', text: line };
  const { done } = parseObject(line, PROGRESS) as { readonly done?: unknown };
  if (typeof done !== 'number') throw new Error(`not understood: ${line}`);
  return { kind: 'progress', done };
}

function parseObject(line: string, prefix: string): object {
  let value: unknown;
  try {
    value = JSON.parse(line.slice(prefix.length));
  } catch (error) {
    throw new Error(`not understood: ${line}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`not understood: ${line}`);
  return value;
}

/** Takes the numbers with these names out of a result. @throws Error naming what is missing or no number */
export function requireNumbers<Name extends string>(
  result: object,
  names: readonly Name[],
): Readonly<Record<Name, number>> {
  const record = result as Readonly<Record<string, unknown>>;
  const bad = names.filter((name) => typeof record[name] !== 'number' || !Number.isFinite(record[name]));
  if (bad.length > 0) throw new Error(`the result has no number in ${bad.join(', ')}: ${JSON.stringify(result)}`);
  return record as Readonly<Record<Name, number>>;
}
