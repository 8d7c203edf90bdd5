/** Workbooks, what has to be in their text, and what must not. */
import { workbook } from './office.ts';
import { chart } from './office-words.ts';
import type { Case } from './office-words.ts';

/** Cells as `A1=text`, with a type and a style: `A1:s:2=0`. */
const row = (number: number, ...cells: string[]) =>
  `<row r="${number}">${cells
    .map((cell) => {
      const [, name, type = 'str', style = '0', value] =
        /^(\w+)(?::(\w*))?(?::(\d+))?=(.*)$/s.exec(cell) ?? [];
      const inner = type === 'inlineStr' ? `<is><t>${value}</t></is>` : `<f>1+1</f><v>${value}</v>`;
      return `<c r="${name}" t="${type}" s="${style}">${inner}</c>`;
    })
    .join('')}</row>`;

export const SHEETS: Case[] = [
  [
    'sheets with their names, and rows with their header',
    'a.xlsx',
    () =>
      workbook(
        [
          {
            name: 'Sales 2026',
            rows:
              row(1, 'A1:s=0', 'B1:s=1') +
              row(2, 'A2:inlineStr=Oslo', 'B2:n=1234.5') +
              row(3, 'B3:n=0.30000000000000004'),
          },
          { name: 'Notes', rows: row(1, 'A1=Only a line') },
          { name: 'Lists', rows: row(1, 'A1=secret list'), state: 'hidden' },
          { name: 'Deep', rows: row(1, 'A1=macro list'), state: 'veryHidden' },
        ],
        {
          strings: [
            '<t>City</t>',
            '<r><t>Reve</t></r><r><t>nue</t></r><rPh sb="0" eb="1"><t>yomi</t></rPh>',
          ],
        },
      ),
    [
      '# Sales 2026',
      '| City | Revenue |\n| --- | --- |\n| Oslo | 1234.5 |\n|  | 0.3 |',
      '# Notes',
      'Only a line',
    ],
    ['secret list', 'macro list', 'yomi'],
  ],
  [
    'numbers as the sheet shows them',
    'a.xlsx',
    () =>
      workbook(
        [
          {
            name: 'S',
            rows:
              row(1, 'A1=Day', 'B1=Share', 'C1=Price', 'D1=Month', 'E1=When', 'F1=Ok', 'G1=Bad') +
              row(
                2,
                'A2:n:1=45000',
                'B2:n:2=0.125',
                'C2:n:3=1234.5',
                'D2:n:4=45000',
                'E2:n:5=45000.75',
                'F2:b=1',
                'G2:e=#DIV/0!',
              ),
          },
        ],
        { formats: ['#,##0.00 &quot;€&quot;', 'mmmm yyyy', 'dd/mm/yyyy hh:mm'] },
      ),
    ['| 2023-03-15 | 12.50% | 1,234.50 € | March 2023 | 2023-03-15 18:00 | TRUE | #DIV/0! |'],
  ],
  [
    'tables apart from each other, with a title, and merged cells in every row',
    'a.xlsx',
    () =>
      workbook([
        {
          name: 'S',
          rows:
            row(1, 'B1=Staff') +
            row(2, 'B2=Team', 'C2=Name') +
            row(3, 'B3=Red', 'C3=Ada') +
            row(4, 'C4=Bob') +
            row(7, 'D7=Item', 'E7=Price') +
            row(8, 'D8=Nut', 'E8:n=3'),
          after: '<mergeCells><mergeCell ref="B1:C1"/><mergeCell ref="B3:B4"/></mergeCells>',
        },
      ]),
    [
      'Staff\n\n| Team | Name |\n| --- | --- |\n| Red | Ada |\n| Red | Bob |\n\n\n| Item | Price |\n| --- | --- |\n| Nut | 3 |',
    ],
  ],
  [
    'cells at the ends of a sheet, and no more than there are',
    'a.xlsx',
    () =>
      workbook([
        {
          name: 'Huge',
          rows:
            row(1, 'A1=first', 'XFD1=last') + row(1048576, 'A1048576=bottom', 'XFD1048576=corner'),
          after: '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        },
      ]),
    ['| first | last |', '| bottom | corner |'],
  ],
  [
    'comments, charts and shapes of a sheet',
    'a.xlsx',
    () =>
      workbook([{ name: 'S', rows: row(1, 'A1=x', 'B1=y') }], {
        more: {
          'comments:c.xml':
            '<comments><commentList><comment ref="B2"><text><r><t>Check </t></r><r><t>this</t></r></text></comment></commentList></comments>',
          'drawing:drawings/d.xml':
            '<xdr:wsDr><xdr:sp><xdr:txBody><a:p><a:r><a:t>Shaped</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>',
          'chart:charts/c.xml': chart('Elsewhere'),
        },
      }),
    ['Shaped', 'Comment on B2: Check this'],
  ],
  [
    'a thread of comments, without the copy for older programs',
    'a.xlsx',
    () =>
      workbook([{ name: 'S', rows: row(1, 'A1:inlineStr=two_x000D_\nlines', 'B1=y') }], {
        more: {
          'comments:c.xml':
            '<comments><comment ref="B2"><text><t>[Threaded comment] Your version of Excel …</t></text></comment></comments>',
          'threadedComment:t.xml':
            '<ThreadedComments><threadedComment ref="B2"><text>Agreed?</text></threadedComment><threadedComment ref="B2"><text>Yes</text></threadedComment></ThreadedComments>',
        },
      }),
    ['| two lines | y |', 'Comment on B2: Agreed?', 'Comment on B2: Yes'],
    ['Your version'],
  ],
  [
    'a header with nothing above the index, below a title',
    'a.xlsx',
    () =>
      workbook([
        {
          name: 'S',
          rows:
            row(1, 'C1=Survey') +
            row(2, 'B2=Name', 'C2=Age') +
            row(3, 'A3:n=0', 'B3=Ada', 'C3:n=36') +
            row(4, 'A4:n=1', 'C4:n=41'),
        },
      ]),
    ['Survey\n\n|  | Name | Age |\n| --- | --- | --- |\n| 0 | Ada | 36 |\n| 1 |  | 41 |'],
  ],
  [
    'rows and cells that do not say where they are',
    'a.xlsm',
    () =>
      workbook([
        {
          name: 'S',
          rows: '<row><c t="inlineStr"><is><t>H1</t></is></c><c t="inlineStr"><is><t>H2</t></is></c></row><row><c><v>1</v></c><c><v>2</v></c></row>',
        },
      ]),
    ['| H1 | H2 |\n| --- | --- |\n| 1 | 2 |'],
  ],
];
