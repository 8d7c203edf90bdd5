/** Text of models and users: Markdown with formulas and coloured code, without raw HTML. */
import 'katex/dist/katex.min.css';

import Markdown from 'react-markdown';
import type { Components } from 'react-markdown';
import rehypeHighlight from 'rehype-highlight';
import rehypeKatex from 'rehype-katex';
import remarkGfm from 'remark-gfm';
import remarkMath from 'remark-math';

const REMARK = [remarkGfm, remarkMath];
const REHYPE = [rehypeKatex, rehypeHighlight];

const outside: Components = {
  // An image of another host would tell that host who reads the message.
  img: ({ src, alt }) => (
    <a href={String(src)} target="_blank" rel="noreferrer">
      {alt === '' ? String(src) : alt}
    </a>
  ),
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  ),
  pre: ({ children }) => <pre tabIndex={0}>{children}</pre>,
};

export function Rendered({ text, components }: { text: string; components?: Components }) {
  return (
    <div className="markdown">
      <Markdown
        remarkPlugins={REMARK}
        rehypePlugins={REHYPE}
        components={{ ...outside, ...components }}
      >
        {withDollars(text)}
      </Markdown>
    </div>
  );
}

/** Blocks and spans of code, which are left as they are. */
const CODE = /(```[\s\S]*?(?:```|$)|`[^`\n]*`)/;

/** Models write formulas as \( … \) and \[ … \] too. */
function withDollars(text: string): string {
  return text
    .split(CODE)
    .map((part, place) => (place % 2 === 1 ? part : dollars(part)))
    .join('');
}

function dollars(text: string): string {
  return text
    .replaceAll(/\\\[([\s\S]*?)\\\]/g, '$$$$$1$$$$')
    .replaceAll(/\\\((.*?)\\\)/g, '$$$1$$');
}
