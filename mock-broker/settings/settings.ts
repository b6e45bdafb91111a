/**
 * The configuration of a server, as operators read and change it at runtime: texts by the reference's names. Names the
 * reference doesn't have are ignored, as it does.
 */
export class Settings {
  readonly #values = new Map<string, string>();
  #changes = 0;

  /**
   * @param defaults lines of `name=value`
   * @param own what is different here
   */
  constructor(defaults: string, own: Readonly<Record<string, string | number | boolean>>) {
    for (const line of defaults.split('\n')) {
      const at = line.indexOf('=');
      if (at > 0) this.#values.set(line.slice(0, at), line.slice(at + 1));
    }
    for (const [name, value] of Object.entries(own)) this.#values.set(name, String(value));
  }

  /** How often something was changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Everything, by name. */
  entries(): [string, string][] {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  text(name: string): string {
    return this.#values.get(name) ?? '';
  }

  flag(name: string): boolean {
    return this.text(name).toLowerCase() === 'true';
  }

  update(changes: Iterable<readonly [string, string]>): void {
    for (const [name, value] of changes) if (this.#values.has(name)) this.#values.set(name, value);
    this.#changes += 1;
  }
}
