/** Whether a dotted version is at least major.minor. */
export function atLeast(
  version: string,
  [wantedMajor, wantedMinor]: readonly [number, number],
): boolean {
  const [major = 0, minor = 0] = version
    .replace(/^\D+/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
