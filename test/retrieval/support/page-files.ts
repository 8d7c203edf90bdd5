/** Pages, books, e-mails and plain text in several encodings, and what has to be in their text. */
import { zip } from './archives.ts';
import type { Case } from './office-words.ts';

const html = (body: string) => `<!doctype html><html><body>${body}</body></html>`;

export const PAGES: Case[] = [
  [
    'a page without what it hides',
    'a.html',
    () =>
      html(
        '<p hidden>first secret<p>shown 1<div style="color: red; display: none">second <div>secret</div></div><div>shown 2</div>' +
          '<svg><svg><text>third secret</text></svg><text>fourth secret</text></svg><span aria-hidden="true">fifth secret</span>' +
          '<noscript>sixth secret</noscript><ul><li hidden>seventh secret<li>shown 3</ul><input hidden>shown 4<dialog>eighth secret</dialog>' +
          '<table><tr><td>a<td hidden>ninth secret<td>b</table><p style="visibility:hidden">tenth secret</p><br hidden>shown 5',
      ),
    ['shown 1', 'shown 2', 'shown 3', 'shown 4', '| a | b |', 'shown 5'],
    ['secret'],
  ],
  [
    'a page that hides itself until its scripts are ready',
    'a.html',
    () => '<html hidden><body style="display:none"><p>Ready at last',
    ['Ready at last'],
  ],
  [
    'numbers of ordered lists, as browsers count them',
    'a.html',
    () =>
      html(
        '<ol start=4><li>four<li>five<ol type=a><li>inner<li hidden>secret<li>next</ol></ol><ol type=I><li value=3><p>three</p><li></li></ol>' +
          '<ul><li>dot</ul><ol reversed start=2><li>two<li>one</ol>tail<table><tr><td><ol><li>cell</ol><td>b<tr><td>c<td>d</table>',
      ),
    [
      '4. four\n5. five\na. inner\nb. next\n',
      'III. three',
      '\ndot\n2. two\n1. one\ntail',
      '| 1. cell | b |',
    ],
    ['secret', /IV/],
  ],
  [
    'formulas of MathML as one would type them',
    'a.html',
    () =>
      html(
        '<p>Half is <math> <mfrac> <mn>1</mn> <mn>2</mn> </mfrac> </math>, then <math><semantics><mrow><msup><mi>x</mi><mrow><mi>n</mi><mo>+</mo>' +
          '<mn>1</mn></mrow></msup></mrow><annotation>secret</annotation></semantics></math> and <math><mroot><mi>y</mi><mn>3</mn></mroot><mo>=</mo>' +
          '<munderover><mo>&sum;</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><msub><mi>a</mi><mi>i</mi></msub></math>.' +
          '<p>Open <math><mi>z</mi><p>after',
      ),
    ['Half is 1/2, then x^(n+1) and ∛(y)=∑_(i=1)^na_i.\n\nOpen z\n\nafter'],
    ['secret'],
  ],
  [
    'tables of a page, with cells over rows and columns',
    'a.html',
    () =>
      html(
        '<h2>Prices<br>2026</h2><p>Before<table><caption>All of them</caption><thead><tr><th>Kind<th>Size<th colspan=2>Price</thead>' +
          '<tr><td rowspan=2>Nut<td>M4<td>1 | 2<td>3</tr><tr><td><p>M5</p><p>long</p><td>4<td>5</tr></table>After',
      ),
    [
      '## Prices 2026\n\nBefore\nAll of them\n\n| Kind | Size | Price |  |\n| --- | --- | --- | --- |\n| Nut | M4 | 1 \\| 2 | 3 |\n| Nut | M5 long | 4 | 5 |\n\nAfter',
    ],
  ],
  [
    'tables that lay out a page as text, and the table in them as a table',
    'a.html',
    () =>
      html(
        '<table><tr><td><h1>Site</h1>menu<td><table><tr><th>k<th>v<tr><td>x<td>1</table>tail</table>end',
      ),
    ['Site', 'menu', '| k | v |\n| --- | --- |\n| x | 1 |\n', 'tail', 'end'],
  ],
  [
    'a page whose charset is in a comment, in a description, and then in the right place',
    'a.html',
    () =>
      Buffer.from(
        '<!-- <meta charset="utf-8"> --><meta name=description content="charset=utf-8"><meta content="text/html; charset=windows-1251" http-equiv=content-type><p>\xcf\xf0\xe8\xe2\xe5\xf2',
        'latin1',
      ),
    ['Привет'],
  ],
  [
    'Chinese in UTF-16 without a mark',
    'a.txt',
    () => Buffer.from('深度学习模型需要大量训练数据。\n第二行，保证期间为两年。\n', 'utf16le'),
    ['深度学习模型需要大量训练数据。\n第二行'],
  ],
  [
    'Japanese in big-endian UTF-16 without a mark',
    'a.md',
    () => Buffer.from('# 保証\n保証期間は 2 年です。　以上\n', 'utf16le').swap16(),
    ['# 保証\n保証期間は 2 年です。'],
  ],
  [
    'a zero by mistake',
    'a.txt',
    () => 'first line\0 second line with walnut',
    ['first line second line with walnut'],
  ],
  [
    'a book in the order of its spine',
    'a.epub',
    () =>
      zip([
        { name: 'mimetype', data: 'application/epub+zip', method: 0 },
        {
          name: 'META-INF/container.xml',
          data: '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        },
        {
          name: 'OEBPS/book.opf',
          data:
            '<package><metadata><dc:title>The Loom</dc:title></metadata><manifest><item id="b" href="text/two.xhtml"/><item id="a" href="text/one%20half.xhtml"/><item id="c" href="unread.xhtml"/></manifest>' +
            '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
        },
        { name: 'OEBPS/text/two.xhtml', data: '<html><body><h1>Second</h1></body></html>' },
        {
          name: 'OEBPS/text/one half.xhtml',
          data: '<?xml version="1.0"?><html><head/><body><h1>First &amp; foremost</h1><p/><p>Weft</p></body></html>',
        },
        { name: 'OEBPS/unread.xhtml', data: '<p>unread</p>' },
      ]),
    ['The Loom', '# First & foremost', 'Weft', '# Second'],
    ['unread'],
  ],
  [
    'an e-mail with encoded words, its text and the names of its attachments',
    'a.eml',
    () =>
      [
        'From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>',
        'To: Ada <ada@example.org>, bob@example.org',
        'Subject: =?iso-8859-1?B?TOT8ZnQ=?= =?utf-8?B?IOagtw==?=',
        'Date: Tue, 3 Feb 2026 10:00:00 +0100',
        'MIME-Version: 1.0',
        'Content-Type: multipart/mixed; boundary=xx',
        '',
        '--xx',
        'Content-Type: multipart/alternative; boundary=yy',
        '',
        '--yy',
        'Content-Type: text/plain; charset=iso-8859-1',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'Gr=FC=DFe aus K=\r\n=F6ln',
        '--yy',
        'Content-Type: text/html; charset=utf-8',
        '',
        '<p>Gr&uuml;&szlig;e aus K&ouml;ln</p>',
        '--yy--',
        '--xx',
        'Content-Type: application/pdf; name="=?utf-8?Q?Angebot_=C3=9C.pdf?="',
        'Content-Disposition: attachment',
        'Content-Transfer-Encoding: base64',
        '',
        'AAAA',
        '--xx--',
      ].join('\r\n'),
    [
      '# Läüft 样',
      'From: Jürgen <j@example.org>',
      'To: Ada <ada@example.org>, bob@example.org',
      'Date: 2026-02-03',
      'Grüße aus Köln',
      'Attachment: Angebot Ü.pdf',
    ],
  ],
  [
    'an e-mail of HTML whose plain text says nothing',
    'a.eml',
    () =>
      `Subject: News\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nOpen in browser\r\n--b\r\n` +
      `Content-Type: text/html; charset=shift_jis\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(`<h1>\x93\xfa\x96{</h1><p hidden>preheader</p><p>${'All the news of this week. '.repeat(10)}</p>`, 'latin1').toString('base64')}\r\n--b--\r\n`,
    ['# News', '# 日本', 'All the news'],
    ['preheader'],
  ],
];
