/** Figures that are worth reading, written when all is over; what has to hold is asserted where they come from. */
const figures: string[] = [];

export function figure(text: string): void {
  figures.push(text);
}

after(() => {
  if (figures.length > 0) process.stdout.write(`\n  figures\n${figures.map((text) => `    ${text}\n`).join('')}`);
});
