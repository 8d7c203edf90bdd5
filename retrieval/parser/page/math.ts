/** MathML as one would type it: `1/2`, `x^2`, `√(x)`. */
import { grouped, ROOTS } from '../office/math.ts';

const DEEPEST = 200;

type Frame = { name: string; parts: string[] };

export function createMath() {
  const frames: Frame[] = [];
  let beneath = 0;
  return {
    isOpen: () => frames.length > 0,
    open(name: string): void {
      if (frames.length === 0 && name !== 'math') return;
      if (frames.length < DEEPEST) frames.push({ name, parts: [] });
      else beneath += 1;
    },
    text(text: string): void {
      const frame = frames.at(-1);
      const words = frame?.name === 'mtext' ? text.replace(/\s+/g, ' ') : text.trim();
      if (words !== '') frame?.parts.push(words);
    },
    /** The formula, when this ends it. */
    close(name: string): string {
      if (beneath > 0 && name !== 'math') {
        beneath -= 1;
        return '';
      }
      const at = frames.findLastIndex((frame) => frame.name === name);
      let written = '';
      while (at >= 0 && frames.length > at) {
        written = write(frames.pop()!);
        frames.at(-1)?.parts.push(written);
      }
      if (frames.length > 0 || at < 0) return '';
      beneath = 0;
      return written;
    },
  };
}

function write({ name, parts }: Frame): string {
  const [base = '', second = '', third = ''] = parts;
  switch (name) {
    case 'mfrac':
      return `${grouped(base)}/${grouped(second)}`;
    case 'msup':
    case 'mover':
      return `${grouped(base)}^${grouped(second)}`;
    case 'msub':
    case 'munder':
      return `${grouped(base)}_${grouped(second)}`;
    case 'msubsup':
    case 'munderover':
      return `${grouped(base)}_${grouped(second)}^${grouped(third)}`;
    case 'msqrt':
      return `√(${parts.join('')})`;
    case 'mroot':
      return `${ROOTS[second] ?? `${grouped(second)}√`}(${base})`;
    case 'mtable':
      return `[${parts.join('; ')}]`;
    case 'mtr':
      return parts.join(', ');
    default:
      return parts.join('');
  }
}
