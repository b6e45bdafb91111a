/** What name servers keep for operators: values by namespace and key. */
export class KeyValues {
  readonly #spaces = new Map<string, Map<string, string>>();

  /** Without a value the one that was there goes. */
  put(namespace: string, key: string, value: string | undefined): void {
    let space = this.#spaces.get(namespace);
    if (space === undefined) this.#spaces.set(namespace, (space = new Map<string, string>()));
    if (value === undefined) space.delete(key);
    else space.set(key, value);
  }

  get(namespace: string, key: string): string | undefined {
    return this.#spaces.get(namespace)?.get(key);
  }

  delete(namespace: string, key: string): void {
    this.#spaces.get(namespace)?.delete(key);
  }

  /** undefined for a namespace that nothing was ever put in. */
  all(namespace: string): Readonly<Record<string, string>> | undefined {
    const space = this.#spaces.get(namespace);
    return space === undefined ? undefined : Object.fromEntries(space);
  }
}
