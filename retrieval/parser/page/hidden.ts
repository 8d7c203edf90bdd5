/** Which elements of a page a browser hides, and where a hidden element ends. */
import type { Attributes } from '../markup.ts';

const NEVER_SHOWN = new Set(
  'script style template svg iframe noembed noframes noscript datalist annotation annotation-xml'.split(
    ' ',
  ),
);
const HIDING_STYLE = /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))/i;
const VOID = new Set('area base br col embed hr img input link meta source track wbr'.split(' '));
/** Elements whose end tag is optional, and the elements that end them. */
const ENDED_BY: Record<string, RegExp> = {
  p: /^(address|article|aside|blockquote|details|div|dl|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|main|nav|ol|p|pre|section|table|ul)$/,
  li: /^li$/,
  dt: /^(dt|dd)$/,
  dd: /^(dt|dd)$/,
  td: /^(td|th|tr|tbody|tfoot)$/,
  th: /^(td|th|tr|tbody|tfoot)$/,
  tr: /^(tr|tbody|tfoot)$/,
  option: /^(option|optgroup)$/,
};
const DEEPEST = 200;

export function isHidden(name: string, attributes: Attributes): boolean {
  if (NEVER_SHOWN.has(name)) return true;
  // Some pages hide themselves until their scripts have run.
  if (name === 'html' || name === 'body') return false;
  const { hidden, style } = attributes;
  return (
    (hidden !== undefined && hidden !== 'until-found') ||
    attributes['aria-hidden'] === 'true' ||
    (name === 'dialog' && attributes['open'] === undefined) ||
    (style !== undefined && HIDING_STYLE.test(style))
  );
}

export type Hiding = {
  /** False when this element ends the hidden one. */
  open(name: string): boolean;
  /** `end` for the hidden element's own end tag, `outside` for that of an element around it. */
  close(name: string): 'inside' | 'end' | 'outside';
};

/** Undefined for an element that cannot have content. */
export function hide(hidden: string): Hiding | undefined {
  if (VOID.has(hidden)) return undefined;
  const path: string[] = [];
  let beneath = 0;
  return {
    open(name) {
      if (path.length === 0 && ENDED_BY[hidden]?.test(name)) return false;
      if (VOID.has(name)) return true;
      if (path.length < DEEPEST) path.push(name);
      else beneath += 1;
      return true;
    },
    close(name) {
      if (beneath > 0) {
        beneath -= 1;
        return 'inside';
      }
      const at = path.lastIndexOf(name);
      if (at >= 0) path.length = at;
      else if (name === hidden) return 'end';
      else if (ENDED_BY[hidden] !== undefined) return 'outside';
      return 'inside';
    },
  };
}
