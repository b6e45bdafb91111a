/** The reference's first version of the regular row of versions: 4.0.0, after ten generations of 3.x of other lengths. */
const V4_0_0 = 213;

/** The name of a version by its ordinal in the reference's `MQVersion`, such as `V5_3_3` for 479. */
export function versionName(ordinal: number): string {
  // Each release comes after its snapshot; ten patches make a minor version, ten of those a major one.
  const step = ordinal - V4_0_0;
  const release = Math.ceil(step / 2);
  if (step < 0) return `V3_${ordinal}`;
  const digits = [4 + Math.floor(release / 100), Math.floor(release / 10) % 10, release % 10];
  return `V${digits.join('_')}${step % 2 === 0 ? '' : '_SNAPSHOT'}`;
}
