/** E-mails: subject, sender, recipients, date, the text, and the names of attachments. */
import PostalMime from 'postal-mime';
import type { Address, Email } from 'postal-mime';

import type { Piece } from '../chunk-text.ts';
import { DocumentError } from '../document.ts';
import { readPage } from './page/html.ts';
import { heading, oneLine } from './markdown.ts';

/** The package keeps every part in memory, which the parser's memory limit bounds. These bound depth and headers. */
const LIMITS = { maxNestingDepth: 100, maxHeadersSize: 1024 * 1024, maxRfc822NestingDepth: 10 };

export async function* readEml(bytes: Buffer): AsyncGenerator<Piece> {
  const email = await parse(bytes);
  yield { text: heading(1, email.subject ?? '') + headers(email) };
  const { text = '', html = '' } = email;
  // Many programs write a plain text that only points to the HTML.
  if (text.trim().length >= MOST_OF * html.replace(/<[^>]*>/g, '').length || html === '') {
    yield { text: `${text}\n` };
  } else yield* readPage(once(html));
  for (const { filename } of email.attachments) {
    if (filename !== null) yield { text: `\nAttachment: ${oneLine(filename)}\n` };
  }
}

const MOST_OF = 0.3;

async function parse(bytes: Buffer): Promise<Email> {
  const email = await PostalMime.parse(bytes, LIMITS).catch(() => undefined);
  if (email !== undefined && email.headers.length > 0) return email;
  throw new DocumentError('invalid_file', 'The file is not an e-mail, or it is damaged.');
}

function headers({ from, to = [], cc = [], date }: Email): string {
  const lines: [string, string][] = [
    ['From', from === undefined ? '' : nameOf(from)],
    ['To', to.map(nameOf).join(', ')],
    ['Cc', cc.map(nameOf).join(', ')],
    ['Date', date ?? ''],
  ];
  const shown = lines.filter(([, value]) => value !== '');
  return `${shown.map(([name, value]) => `${name}: ${oneLine(value)}\n`).join('')}\n`;
}

function nameOf({ name, address, group }: Address): string {
  if (group !== undefined) return `${name}: ${group.map(nameOf).join(', ')}`;
  return name === '' ? (address ?? '') : `${name} <${address}>`;
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
