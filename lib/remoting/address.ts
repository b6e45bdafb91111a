/** A peer's address in its two parts. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host:port`. The port stands after the last colon, because brokers advertise IPv6 hosts without brackets;
 * `[::1]:9876` is read too. Undefined for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  const colon = text.lastIndexOf(':');
  if (colon < 1) return undefined;
  const portText = text.slice(colon + 1);
  if (!/^\d{1,5}$/.test(portText)) return undefined;
  const port = Number(portText);
  if (port < 1 || port > 65_535) return undefined;
  let host = text.slice(0, colon);
  if (host.startsWith('[') && host.endsWith(']')) host = host.slice(1, -1);
  if (host === '' || /[\s/;,[\]]/.test(host)) return undefined;
  return { host, port };
}
