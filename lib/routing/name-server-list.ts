import { ValidationError } from '../errors.js';
import { parseAddress } from '../remoting/address.js';

const ALLOWED =
  "host:port entries separated by ';' or as an array, port 1 to 65535; for HTTP discovery use namesrvUrl instead, " +
  'without both the environment variable NAMESRV_ADDR is read';

/**
 * The addresses of a list of name servers: `'a:9876;b:9876'` or an array of such. Blanks around entries, empty entries
 * and repeated ones are left out; `http://` before one, as cloud consoles show it, too.
 *
 * @throws ValidationError with field `namesrvAddr` for an entry that is no host:port, or when none is left
 */
export function parseNameServers(list: string | readonly string[]): string[] {
  const addresses = new Set<string>();
  for (const text of typeof list === 'string' ? [list] : list) {
    if (typeof text !== 'string') throw new ValidationError('namesrvAddr', text, ALLOWED);
    for (const entry of text.split(';')) {
      const address = entry.trim().replace(/^https?:\/\//, '');
      if (address === '') continue;
      if (parseAddress(address) === undefined) throw new ValidationError('namesrvAddr', entry.trim(), ALLOWED);
      addresses.add(address);
    }
  }
  if (addresses.size === 0) throw new ValidationError('namesrvAddr', list, ALLOWED);
  return [...addresses];
}

/** A random order, so that many clients don't all begin with the first name server. */
export function shuffled(addresses: readonly string[], random: () => number): string[] {
  const result = [...addresses];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as string, result[last] as string];
  }
  return result;
}
