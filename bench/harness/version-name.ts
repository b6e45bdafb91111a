/** The ordinal of 5.0.0 in the reference's MQVersion; from 4.0 on each patch has two, a snapshot's and its own. */
const V5_0_0 = 413;

/** The version a protocol version number stands for: `5.5.0` for 513. */
export function versionName(ordinal: number): string {
  const patches = 500 + Math.floor((ordinal - V5_0_0) / 2);
  if (patches < 400) return `version ${ordinal}`;
  return [Math.floor(patches / 100), Math.floor(patches / 10) % 10, patches % 10].join('.');
}
