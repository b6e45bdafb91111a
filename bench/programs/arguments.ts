/** Programs, ours and the peers', are told what to do by `name=value` arguments: the same in every language. */
export class Arguments {
  readonly #values = new Map<string, string>();

  constructor(args: readonly string[]) {
    for (const arg of args) {
      const at = arg.indexOf('=');
      if (at === -1) throw new Error(`${arg} is no name=value`);
      this.#values.set(arg.slice(0, at), arg.slice(at + 1));
    }
  }

  text(name: string, byDefault?: string): string {
    const value = this.#values.get(name) ?? byDefault;
    if (value === undefined) throw new Error(`the argument ${name}=... is missing`);
    return value;
  }

  number(name: string, byDefault?: number): number {
    const value = Number(this.text(name, byDefault?.toString()));
    if (!Number.isFinite(value)) throw new Error(`${name} is no number`);
    return value;
  }
}
