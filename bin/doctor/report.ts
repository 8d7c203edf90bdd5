/** The text that the doctor prints. Pure. */

/**
 * `ok`: works. `note`: npm start works with a limitation. `fail`: npm start works, but runs would fail. `stop`: npm start
 * would fail. Details are lines below the sentence.
 */
export type Finding = {
  part: string;
  state: 'ok' | 'note' | 'fail' | 'stop';
  says: string;
  details?: string[];
  /** The command or the action that corrects it. */
  remedy?: string;
};

export function ok(part: string, says: string): Finding {
  return { part, state: 'ok', says };
}

const MARKS = { ok: 'ok  ', note: 'note', fail: 'FAIL', stop: 'STOP' };
const INDENT = ' '.repeat(20);

/** All findings, then whether npm start would work. */
export function report(findings: Finding[]): string {
  return ['', ...findings.flatMap(lines), '', verdict(findings), ''].join('\n');
}

function verdict(findings: Finding[]): string {
  const stops = findings.filter(({ state }) => state === 'stop').map(({ part }) => part);
  if (stops.length > 0) {
    return `npm start will not work until this is put right: ${stops.join(', ')}.`;
  }
  const fails = findings.filter(({ state }) => state === 'fail').map(({ says }) => says);
  if (fails.length > 0) return `npm start will start, but runs will fail: ${fails.join('; ')}.`;
  return 'npm start will work.';
}

function lines({ part, state, says, details = [], remedy }: Finding): string[] {
  const below = remedy === undefined ? details : [...details, `→ ${remedy}`];
  return [
    `  ${MARKS[state]}  ${part.padEnd(12)}${says}`,
    ...below.flatMap((detail) => wrap(detail).map((line) => INDENT + line)),
  ];
}

const WIDTH = 96;

/** Breaks lines at spaces. A command stays on one line, so that it can be copied. */
function wrap(text: string): string[] {
  if (text.startsWith('→')) return [text];
  const found: string[] = [];
  for (const word of text.split(' ')) {
    const last = found.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) {
      found.push(`${found.pop()} ${word}`);
    } else found.push(word);
  }
  return found;
}
