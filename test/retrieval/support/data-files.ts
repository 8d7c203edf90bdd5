/** Tables, data, notebooks, rich text and OpenDocument, and what has to be in their text. */
import { zip } from './archives.ts';
import type { Case } from './office-words.ts';

const notebook = (cells: object[]) => JSON.stringify({ cells, nbformat: 4 });
const odf = (body: string, more: { name: string; data: string }[] = []) =>
  zip([
    {
      name: 'content.xml',
      data: `<office:document-content><office:body>${body}</office:body></office:document-content>`,
    },
    ...more,
  ]);
const td = (text: string, attributes = '') =>
  `<table:table-cell ${attributes}><text:p>${text}</text:p></table:table-cell>`;

export const DATA: Case[] = [
  [
    'a table of commas with quotes and lines in cells',
    'a.csv',
    () => '\ufeffName,Note\r\nAda,"first ""line""\r\nsecond, line"\r\n\r\nBob,a|b\r\n',
    ['| Name | Note |\n| --- | --- |\n| Ada | first "line" second, line |\n| Bob | a\\|b |\n'],
  ],
  [
    'a table of semicolons',
    'a.csv',
    () => 'City;Price, net\nOslo;1,5\nRome;2,5',
    ['| City | Price, net |\n| --- | --- |\n| Oslo | 1,5 |\n| Rome | 2,5 |'],
  ],
  [
    'a table that names its separator',
    'a.csv',
    () => 'sep=|\nA|B\n1,2;3|4\n',
    [/^\n\| A \| B \|\n\| --- \| --- \|\n\| 1,2;3 \| 4 \|/],
  ],
  ['a table of tabs', 'a.tsv', () => 'k\tv\na\t"open quote\nb\t2\n', ['| k | v |', 'open quote']],
  ['lines that are no table', 'a.csv', () => 'one\ntwo\n', ['one\ntwo']],
  [
    'escapes of JSON as they read',
    'a.json',
    () => String.raw`{"\u8bad\u7ec3": "Gr\u00fc\u00dfe \ud83d\ude00 \"quoted\" a\/b c:\\u0041 \x"}`,
    ['"训练"', 'Grüße 😀 "quoted" a/b c:\\u0041 \\x'],
  ],
  [
    'an escape wherever a part of the file ends',
    'a.jsonl',
    () => `"${'x'.repeat(65_532)}\\ud83d\\ude00y\\u00fcz"`.slice(65_000),
    ['😀yüz'],
  ],
  [
    'escapes of XML in its encoding',
    'a.xml',
    () =>
      Buffer.from(
        '<?xml version="1.0" encoding="iso-8859-1"?><t a="x &amp; y">&#x8bad;&#32451; caf\xe9 &lt;b&gt; &other;</t>',
        'latin1',
      ),
    ['x & y', '训练 café <b> &other;'],
  ],
  [
    'a notebook with what its cells printed',
    'a.ipynb',
    () =>
      notebook([
        { cell_type: 'markdown', source: ['# Ti', 'tle\n', 'Gr\u00fc\u00dfe'] },
        {
          cell_type: 'code',
          source: 'print(1)',
          outputs: [
            { output_type: 'stream', text: ['printed\n'] },
            {
              output_type: 'execute_result',
              data: {
                'text/plain': ['Result 42'],
                'text/html': '<b>never</b>',
                'image/png': 'AAAA',
              },
            },
            {
              output_type: 'error',
              ename: 'ValueError',
              evalue: 'bad',
              traceback: ['\u001b[31mnever'],
            },
          ],
        },
      ]),
    ['# Title\nGrüße', '```\nprint(1)\n```', 'printed', 'Result 42', 'ValueError: bad'],
    ['never', 'AAAA'],
  ],
  [
    'LaTeX with headings, accents and without comments',
    'a.tex',
    () =>
      String.raw`\section*{The \emph{main} idea} % never
Schr\"odinger, Erd\H{o}s, \'{E}cole, \c{c}a, na\"{\i}ve, Stra\ss e, 50\,\% of R\&D~costs
% never
$\frac{a}{b}$ and \textbf{bold \textit{both}}
\subsection[short]{Details {here}}`,
    [
      '## The main idea',
      'Schrödinger, Erdős, École, ça, naïve, Straße, 50 % of R&D costs',
      String.raw`$\frac{a}{b}$ and bold both`,
      '### Details',
    ],
    ['never'],
  ],
  [
    'rich text with code pages, Unicode, tables and what is not shown',
    'a.rtf',
    () =>
      String.raw`{\rtf1\ansi\ansicpg1252\uc1{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}}{\*\generator never;}{\info{\title never}}
{\pard\outlinelevel0 Gr\'fc\'dfe\par}\pard {\f1 \'cf\'f0\'e8\'e2\'e5\'f2} \u26085?\u26412? \emdash  {\v never}\{x\}\par
\trowd\intbl City\cell Price\cell\row\intbl Oslo\cell 12\cell\row\pard
{\field{\*\fldinst HYPERLINK "never"}{\fldrslt a link}}{\pict\bin3 }}}never}\par Last}`.replace(
        '}}}never',
        '}}}',
      ),
    [
      '# Grüße',
      'Привет 日本 — {x}',
      '| City | Price |\n| --- | --- |\n| Oslo | 12 |',
      'a link',
      'Last',
    ],
    ['never'],
  ],
  [
    'rich text of Shift JIS',
    'a.rtf',
    () =>
      String.raw`{\rtf1\ansi\ansicpg932{\fonttbl{\f0\fcharset128 MS Mincho;}}\f0 \'93\'fa\'96{}\par \'93\'fa\'96\'7b\par}`,
    ['日本'],
  ],
  [
    'a text document of OpenDocument',
    'a.odt',
    () =>
      odf(
        '<office:text><text:tracked-changes><text:p>never</text:p></text:tracked-changes><text:h text:outline-level="2">Terms</text:h>' +
          '<text:p>One<text:s text:c="2"/>two<text:tab/>three<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Proof</text:p></text:note-body></text:note></text:p>' +
          '<text:p><office:annotation><dc:creator>Ada</dc:creator><text:p>Why?</text:p></office:annotation><draw:frame><draw:text-box><text:p>Boxed</text:p></draw:text-box></draw:frame><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>' +
          `<table:table><table:table-header-rows><table:table-row>${td('A')}${td('B')}</table:table-row></table:table-header-rows><table:table-row>${td('x', 'table:number-rows-spanned="2"')}${td('1')}</table:table-row><table:table-row><table:covered-table-cell/>${td('2')}</table:table-row></table:table></office:text>`,
        [
          {
            name: 'Object 1/content.xml',
            data: '<math><semantics><mi>E</mi><annotation encoding="StarMath 5.0">E = m c^2</annotation></semantics></math>',
          },
          {
            name: 'styles.xml',
            data: '<office:document-styles><style:header><text:p>Letterhead</text:p></style:header></office:document-styles>',
          },
        ],
      ),
    [
      '## Terms',
      'One  two\tthree[^1]',
      '[^1]: Proof',
      'Comment (Ada): Why?',
      'Boxed',
      'E = m c^2',
      '| A | B |\n| --- | --- |\n| x | 1 |\n| x | 2 |',
      'Letterhead',
    ],
    ['never'],
  ],
  [
    'sheets of OpenDocument, as far as there is something in them',
    'a.ods',
    () =>
      odf(
        `<office:spreadsheet><table:table table:name="Stock"><table:table-row>${td('Item')}${td('Count')}<table:table-cell table:number-columns-repeated="16382"/></table:table-row>` +
          `<table:table-row>${td('Nut')}${td('1,000')}</table:table-row><table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table></office:spreadsheet>`,
      ),
    [/# Stock\n\n\| Item \| Count \|\n\| --- \| --- \|\n\| Nut \| 1,000 \|\n\s*$/],
  ],
  [
    'a presentation of OpenDocument',
    'a.odp',
    () =>
      odf(
        '<office:presentation><draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Plan</text:p></draw:text-box></draw:frame><draw:frame><draw:text-box><text:list><text:list-item><text:p>Point</text:p></text:list-item></text:list></draw:text-box></draw:frame>' +
          '<presentation:notes><draw:frame><draw:text-box><text:p>Say so</text:p></draw:text-box></draw:frame></presentation:notes></draw:page></office:presentation>',
      ),
    ['# Plan', 'Point', 'Say so'],
  ],
];
