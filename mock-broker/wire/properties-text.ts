/**
 * Configurations as they travel: Java properties, one `name=value` a line.
 *
 *     body  *(name "=" value LF)
 */

export function encodePropertiesText(properties: Iterable<readonly [string, string]>): Buffer {
  let text = '';
  for (const [name, value] of properties) text += `${name}=${value}\n`;
  return Buffer.from(text);
}

/** Reads lines of `name=value`, `name:value` and `name value`; lines that begin with `#` or `!` are comments. */
export function decodePropertiesText(body: Buffer): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of body.toString('utf8').split(/\r?\n/)) {
    const text = line.trimStart();
    if (text === '' || text.startsWith('#') || text.startsWith('!')) continue;
    // What follows the separator may be anything: an end it could fail at would have the blanks tried in every way.
    // So is the name no choice for each character: a long one would fill the engine's stack.
    const match = /^([^=:\s\\]*(?:\\.[^=:\s\\]*)*)\s*[=:]?\s*([^]*)/.exec(text);
    if (match?.[1]) properties.set(unescapeText(match[1]), unescapeText(match[2] ?? ''));
  }
  return properties;
}

/** Java escapes colons and the like when it writes properties. */
function unescapeText(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)/g, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return { n: '\n', r: '\r', t: '\t', f: '\f' }[escaped] ?? escaped;
  });
}
