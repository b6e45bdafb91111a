/** How many instructions the part of a run took that a dump of Callgrind is of. @throws Error when it does not say */
export function totalOfDump(text: string): number {
  const total = /^totals: (\d+)$/m.exec(text)?.[1];
  if (total === undefined) throw new Error('a dump of Callgrind has no totals');
  return Number(total);
}
