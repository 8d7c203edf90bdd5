/** Lines a second over the last minute, and the time that is left at that rate. */
type Counts = { total: number; done: number };

const WINDOW_MS = 60_000;

/** Returns a function that describes the rate and the time left: empty without progress, and at the end. */
export function rateMeter(): (counts: Counts) => string {
  const seen: { at: number; done: number }[] = [];
  return ({ total, done }) => {
    const at = performance.now();
    seen.push({ at, done });
    while (seen.length > 2 && seen[0]!.at < at - WINDOW_MS) seen.shift();
    const perSecond = ((done - seen[0]!.done) / (at - seen[0]!.at)) * 1_000;
    if (!(perSecond > 0) || done === total) return '';
    const left = duration((total - done) / perSecond);
    return `, ${Number(perSecond.toPrecision(2))} a second, ${left} left`;
  };
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.ceil(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
