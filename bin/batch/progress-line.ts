/** Progress on standard error. */
const CLEAR_LINE = '\r\u001B[K';

/** A terminal has one line that is written again; elsewhere each change of the state has a line. */
export function progressLine() {
  const { isTTY } = process.stderr;
  let last = '';
  const show = (state: string, rate: string) => {
    if (isTTY) process.stderr.write(`${CLEAR_LINE}${state}${rate}`);
    else if (state !== last) console.error(state + rate);
    last = state;
  };
  return Object.assign(show, { end: () => isTTY && last && process.stderr.write('\n') });
}
