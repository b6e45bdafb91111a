/** `ip:port`, an IPv6 address in brackets. */
export function formatHost(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
