/** The numbers of a page's ordered lists, which browsers count. */
import type { Attributes } from '../markup.ts';
import { formatNumber } from '../list-numbers.ts';

const LISTS = new Set(['ol', 'ul', 'menu']);
const FORMATS: Record<string, string> = {
  a: 'lowerletter',
  A: 'upperletter',
  i: 'lowerroman',
  I: 'upperroman',
};
const DEEPEST = 200;

type List = { next: number; step: 1 | -1; format: string; isNumbered: boolean };

export function createLists() {
  const lists: List[] = [];
  return {
    /** What stands before an item: `2. `, or nothing. */
    open(name: string, { start, type = '1', value, reversed }: Attributes): string {
      if (LISTS.has(name) && lists.length < DEEPEST) {
        // The first number of a reversed list depends on how many items follow.
        const isNumbered = name === 'ol' && (reversed === undefined || start !== undefined);
        lists.push({
          next: integer(start) ?? 1,
          step: reversed === undefined ? 1 : -1,
          format: FORMATS[type] ?? type,
          isNumbered,
        });
      }
      const list = lists.at(-1);
      if (name !== 'li' || !list?.isNumbered) return '';
      const number = integer(value) ?? list.next;
      list.next = number + list.step;
      return `${formatNumber(number, list.format)}. `;
    },
    close(name: string): void {
      if (LISTS.has(name)) lists.pop();
    },
  };
}

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*-?\d{1,9}\s*$/.test(text) ? Number(text) : undefined;
}
