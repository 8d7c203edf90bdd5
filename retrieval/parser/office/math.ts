/** Formulas as one would type them: `1/2`, `x^2`, `√(x)`, `∑_(i=1)^n`. */
import { child, descendants, elements, textOf, valueOf } from './elements.ts';
import type { Element } from './elements.ts';

/** By their degree. */
export const ROOTS: Record<string, string> = { '': '√', '2': '√', '3': '∛', '4': '∜' };
/** Elements of properties, which hold no text. */
const PROPERTIES = /pr$/;
/** Formulas write italic and bold letters as characters of their own. */
const STYLED = /[\u{1d400}-\u{1d7ff}]/gu;

/** `element` is `m:oMath` or anything in it. */
export function linear(element: Element): string {
  const part = (name: string) => inner(child(element, name));
  const own = (name: string) => grouped(part(name));
  const property = (name: string) => valueOf(child(child(element, `${element.name}pr`), name));
  switch (element.name) {
    case 't':
      return textOf(element).replace(STYLED, (letter) => letter.normalize('NFKC'));
    case 'f':
      return `${own('num')}/${own('den')}`;
    case 'ssup':
      return `${own('e')}^${own('sup')}`;
    case 'ssub':
      return `${own('e')}_${own('sub')}`;
    case 'ssubsup':
      return `${own('e')}_${own('sub')}^${own('sup')}`;
    case 'spre':
      return `_${own('sub')}^${own('sup')}${own('e')}`;
    case 'rad':
      return `${ROOTS[part('deg')] ?? `${own('deg')}√`}(${part('e')})`;
    case 'nary':
      return `${property('chr') ?? '∫'}${mark('_', own('sub'))}${mark('^', own('sup'))} ${part('e')}`;
    case 'limlow':
      return `${part('e')}_${own('lim')}`;
    case 'limupp':
      return `${part('e')}^${own('lim')}`;
    case 'func':
      return `${part('fname')} ${part('e')}`;
    case 'acc':
      return `${part('e')}${property('chr') ?? '\u0302'}`;
    case 'bar':
      return `${part('e')}\u0305`;
    case 'd':
      return `${property('begchr') ?? '('}${list(element, 'e', property('sepchr') ?? '|')}${property('endchr') ?? ')'}`;
    case 'm':
      return `[${list(element, 'mr', '; ')}]`;
    case 'mr':
      return list(element, 'e', ', ');
    case 'eqarr':
      return list(element, 'e', '; ');
    default:
      return inner(element);
  }
}

function inner(element: Element | undefined): string {
  const kept = element === undefined ? [] : elements(element);
  return kept
    .filter(({ name }) => !PROPERTIES.test(name))
    .map(linear)
    .join('');
}

function list(element: Element, name: string, between: string): string {
  // A row of a matrix has cells of its own.
  const write = name === 'mr' ? linear : inner;
  return [...descendants(element, name)].map(write).join(between);
}

function mark(sign: string, text: string): string {
  return text === '' ? '' : `${sign}${text}`;
}

/** A single number, name, or what is in brackets already stands for itself. */
export function grouped(text: string): string {
  const alone = /^(?:\p{L}\p{M}*|[\p{N}.,]+|\p{L}+|.|\([^()]*\)|)$/u;
  return alone.test(text.trim()) ? text.trim() : `(${text.trim()})`;
}
