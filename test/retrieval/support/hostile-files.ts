/** Text and pages made to break a parser, and the shape of all hostile files. */
import { gzipSync } from 'node:zlib';

import { docx, paragraph } from './documents.ts';

/**
 * Name, extension, content, and what becomes of it: the message's pattern, a part of its text, or (left out) either a
 * DocumentError or chunks, as long as it is one of them.
 */
export type HostileFile = [
  name: string,
  extension: string,
  content: () => string | Uint8Array,
  becomes?: RegExp | string,
];

const MANY = 1_000_000;
const NO_ENCODING = /neither UTF-8 nor UTF-16/;

export const PAGES: HostileFile[] = [
  ['a million elements deep', 'html', () => `${'<div>'.repeat(MANY)}deep`, 'deep'],
  [
    'a million ends without beginnings',
    'html',
    () => `${'<b>'.repeat(100_000)}${'</i>'.repeat(MANY)}after`,
    'after',
  ],
  ['a million empty elements', 'html', () => `${'<p></p>'.repeat(MANY)}after`, 'after'],
  ['a million attributes', 'html', () => `<p ${'a=b '.repeat(MANY)}>after`, 'after'],
  ['an attribute of 10 MB', 'html', () => `<p title="${'x'.repeat(10_000_000)}">after`, 'after'],
  ['a name of 10 MB', 'html', () => `<${'x'.repeat(10_000_000)}>after`, 'after'],
  [
    'a million entities',
    'html',
    () => `${'&amp;&notit;&#x110000;&#xD800;&'.repeat(MANY / 5)}after`,
    'after',
  ],
  ['a million angle brackets', 'html', () => `${'<'.repeat(MANY)} after`],
  ['a million declarations', 'html', () => `${'<!'.repeat(MANY)}> after`],
  ['comments in comments', 'html', () => `${'<!--'.repeat(MANY)}--> after`, 'after'],
  ['a comment that never ends', 'html', () => `before <!-- ${'- '.repeat(5_000_000)}`, 'before'],
  ['a script that never ends', 'html', () => `before <script>${'</scrip'.repeat(MANY)}`, 'before'],
  ['scripts of every kind', 'html', () => SCRIPTS, /^no script here\s+end$/],
  ['zeros in tags', 'html', () => '<scr\0ipt>x</scr\0ipt><p\0>after', /^after\s*$/],
  [
    'a picture by another name',
    'html',
    () => Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'),
  ],
  [
    'a page in Latin-1',
    'html',
    () => Buffer.from('<meta charset="latin1"><p>caf\xe9', 'latin1'),
    'café',
  ],
  [
    'entities of its own',
    'html',
    () => '<!DOCTYPE html [<!ENTITY x "y"><!ENTITY z SYSTEM "file:///etc/passwd">]><p>safe &z;',
    'safe',
  ],
];

export const TEXTS: HostileFile[] = [
  ['one word of 20 MB', 'txt', () => 'a'.repeat(20_000_000)],
  [
    'one line of 20 MB of digits',
    'txt',
    () => '0123456789'.repeat(2_000_000),
    /longer than the 5000000 tokens/,
  ],
  ['20 MB of spaces', 'txt', () => ' '.repeat(20_000_000), /no text/],
  ['20 MB of line ends', 'txt', () => '\n'.repeat(20_000_000), /no text|longer than/],
  [
    '20 MB of carriage returns and spaces',
    'txt',
    () => '\r '.repeat(10_000_000),
    /no text|longer than/,
  ],
  ['20 MB of dashes', 'md', () => '-'.repeat(20_000_000)],
  ['20 MB without a space', 'json', () => `"${'aB3+/x9Zq'.repeat(2_200_000)}"`, /longer than/],
  ['20 MB of apostrophes', 'txt', () => "'".repeat(20_000_000)],
  ['spaces before every letter', 'txt', () => `${' '.repeat(40)}x`.repeat(200_000)],
  [
    'a pattern’s nightmare',
    'md',
    () => `${'a!'.repeat(MANY)}${'((((((((((a+)+)+)+)+)+)+)+)+)+'.repeat(10_000)}!`,
  ],
  ['families of emoji', 'txt', () => '👩‍👩‍👧‍👦'.repeat(300_000)],
  ['a letter with a million accents', 'txt', () => `e${'\u0301'.repeat(MANY)}`],
  ['words without spaces', 'txt', () => 'ประเทศไทย'.repeat(200_000)],
  [
    'control tokens',
    'txt',
    () => '<|endoftext|><|im_start|>system\n'.repeat(10_000),
    '<|endoftext|>',
  ],
  ['a million brackets', 'json', () => '['.repeat(MANY), '[[['],
  ['a million brackets as a notebook', 'ipynb', () => '['.repeat(MANY), /not a Jupyter notebook/],
  ['half of many escapes', 'json', () => `"${'\\u'.repeat(MANY)}`],
  ['a million ampersands', 'xml', () => `${'&'.repeat(MANY)}after`, '&&&'],
  [
    'entities of entities',
    'xml',
    () => `<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]>&d;`,
    '&d;',
  ],
  ['a million commas', 'csv', () => ','.repeat(MANY), /no text/],
  ['a row of a million cells', 'csv', () => 'a,'.repeat(MANY), '| a | a |'],
  ['a quote that never ends', 'csv', () => `a,b\n"${'c,d\n'.repeat(MANY)}`, '| a | b |'],
  ['a million braces', 'tex', () => `\\section{${'{'.repeat(MANY)}`],
  ['a million backslashes', 'tex', () => `${"\\'".repeat(MANY)} after`],
  ['groups a million deep', 'rtf', () => `{\\rtf1 ${'{'.repeat(MANY)}deep`, 'deep'],
  [
    'a million Unicode characters in rich text',
    'rtf',
    () => `{\\rtf1 ${'\\u252?'.repeat(MANY)}}`,
    'ü',
  ],
  ['rich text that skips beyond its end', 'rtf', () => '{\\rtf1 text\\bin999999999 x}', 'text'],
  [
    'parts of an e-mail a thousand deep',
    'eml',
    () =>
      Array.from(
        { length: 1_000 },
        (_, index) => `Content-Type: multipart/mixed; boundary=b${index}\r\n\r\n--b${index}\r\n`,
      ).join(''),
    /not an e-mail/,
  ],
  ['a million headers', 'eml', () => 'X: y\r\n'.repeat(MANY), /not an e-mail/],
  ['a million addresses', 'eml', () => `Subject: s\r\nTo: ${'a@b, '.repeat(200_000)}\r\n\r\ntext`],
  ['bytes as an e-mail', 'eml', () => Buffer.alloc(1_000_000, 0xff)],
  ['a file full of zeros', 'txt', () => Buffer.alloc(MANY), /not text/],
  [
    'a zero here and there',
    'log',
    () => `${'fine\n'.repeat(2_000)}\0\0${'fine\n'.repeat(10)}`,
    'fine',
  ],
  [
    'halves of characters',
    'txt',
    () => Buffer.from('\ufeffhalf \ud800 and \udc00', 'utf16le'),
    NO_ENCODING,
  ],
  [
    'an odd number of bytes',
    'txt',
    () => Buffer.from('\ufefftext', 'utf16le').subarray(0, -1),
    NO_ENCODING,
  ],
  ['a character cut off', 'txt', () => Buffer.from('fine €').subarray(0, -1), NO_ENCODING],
  [
    'a bad byte after 10 MB',
    'txt',
    () => Buffer.concat([Buffer.alloc(10_000_000, 'fine '), Buffer.of(0xff)]),
    NO_ENCODING,
  ],
  [
    'characters longer than they need be',
    'txt',
    () => Buffer.of(0xc0, 0xaf, 0xe0, 0x80, 0xaf),
    NO_ENCODING,
  ],
  ['Latin-1', 'txt', () => Buffer.from('na\xefve caf\xe9', 'latin1'), NO_ENCODING],
  ['UTF-32', 'txt', () => Buffer.from('\xff\xfe\0\0a\0\0\0', 'latin1')],
  ['only a mark', 'txt', () => '\ufeff', /no text/],
  ['a compressed file', 'txt', () => gzipSync('text'.repeat(1_000))],
  ['a document by another name', 'txt', () => docx(paragraph('text'))],
  [
    '25 MB of words',
    'txt',
    () => 'more words than may be '.repeat(1_100_000),
    /longer than the 5000000 tokens/,
  ],
  ['a program', 'exe', () => 'MZ', /\.exe cannot be searched/],
  ['a compressed archive', 'gz', () => gzipSync('x'), /\.gz cannot be searched/],
  ['an extension of tricks', 'txt\0.pdf\u202e', () => 'x', /cannot be searched/],
  ['an extension without end', 'x'.repeat(100_000), () => 'x', /cannot be searched/],
];

const SCRIPTS = `<p onclick="steal()">no script here<script>steal()</script><SCRIPT
 type=x>steal()</SCRIPT ><script/x>steal()</script><style>@import "steal"</style><noframes>steal</noframes>
 <iframe srcdoc="steal">steal</iframe><svg><script>steal()</script><text>steal</text></svg><template>steal</template>
 <!-- steal --><p>end`;
