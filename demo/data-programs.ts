/** Python programs that draw functions with matplotlib, and summarise tables, or draw them with pandas. */
import { findMath, isUnreadable, namesIn, spell, toPython } from './math-text.ts';
import { literal, program } from './python.ts';

const DRAWS = /\b(?:plot|draw|graph|chart|visuali[sz]\w*|diagram)s?\b|\bzeichne\b|[画绘]/i;
const IS_ABOUT_FILE = /\b(?:files?|csv|tables?|data|data ?sets?|attach\w*|upload\w*|summar\w*)\b/i;

/** A program when the question wants a drawing, or is about a table that the instructions name; else undefined. */
export function dataProgram(question: string, instructions: string): string | undefined {
  const paths = instructions.match(/(?<=^- )\/mnt\/data\/.+?\.csv(?= \(|$)/gim) ?? [];
  const path = paths.find((one) => question.includes(one.slice(11))) ?? paths.at(-1);
  const draws = DRAWS.test(question);
  const curves = draws ? plotProgram(spell(question)) : undefined;
  if (curves !== undefined || path === undefined || !IS_ABOUT_FILE.test(question)) return curves;
  const [count = '1'] = /\b[1-9]\b/.exec(question) ?? [];
  const drawing = `draw_table(${literal(path)}, ${count})`;
  if (draws) return program(`Draw ${path}`, ['draw_table'], drawing);
  const lower = question.toLowerCase();
  const [, group] = /\b(?:by|per|each|every) (?:the )?["'`]?(\w+)/.exec(lower) ?? [];
  const values = [path, lower].map(literal);
  const call = `summarise(${[...values, group ? literal(group) : 'None'].join(', ')})`;
  return program(`Summarise ${path}`, ['summarise'], call);
}

const NAMED = Object.entries({ sine: 'sin(x)', cosine: 'cos(x)', parabola: 'x^2' });
const BOUND = String.raw`(-?[\d.]* ?\*? ?(?:pi\b|π|(?<=\d)))`;
const RANGE = new RegExp(String.raw`\b(?:from|between) ${BOUND} ?(?:to|and) ${BOUND}`, 'i');

function plotProgram(text: string): string | undefined {
  if (isUnreadable(text)) return undefined;
  const sides = findMath(text).map((run) => run.slice(run.indexOf('=') + 1).trim());
  const written = sides.filter((math) => math.length > 1 && namesIn(math).length === 1);
  const words = text.toLowerCase().split(/\W/);
  const named = NAMED.filter(([word]) => words.includes(word)).map(([, math]) => math);
  const curves = written.length > 0 ? written : named;
  if (curves.length === 0) return undefined;
  const usual = /sine/i.test(text) ? ['', '0', '2 pi'] : ['', '-5', '5'];
  const [, low = '', high = ''] = RANGE.exec(text) ?? usual;
  const shown = `${curves.join(' and ')} for ${namesIn(curves[0]!)[0]} from ${low} to ${high}`;
  const lambdas = curves.map((math) => `lambda ${namesIn(math)[0]}: ${toPython(math)}`);
  const entries = curves.map((math, at) => `${literal(math)}: ${lambdas[at]}`);
  const values = [`{${entries.join(', ')}}`, toPython(low), toPython(high), literal(shown)];
  return program(`Plot ${shown}`, ['plot'], `plot(${values.join(', ')})`);
}
