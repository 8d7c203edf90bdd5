/** Presentations, what has to be in their text, and what must not. */
import { zip } from './archives.ts';
import { slide } from './documents.ts';
import { shape, slidesFile } from './office.ts';
import { chart, diagram } from './office-words.ts';
import type { Case } from './office-words.ts';

const layout = (shapes: string) =>
  `<p:sldLayout><p:cSld><p:spTree>${shapes}</p:spTree></p:cSld></p:sldLayout>`;
const cell = (text: string, attributes = '') =>
  `<a:tc ${attributes}><a:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></a:txBody></a:tc>`;
const numbered = (text: string, level: number, type: string) =>
  `<a:p><a:pPr lvl="${level}"><a:buAutoNum type="${type}"/></a:pPr><a:r><a:t>${text}</a:t></a:r></a:p>`;

export const SLIDES: Case[] = [
  [
    'slides in the order of the presentation, each with its notes and comments',
    'a.pptx',
    () =>
      slidesFile([shape('Last made', 'title') + shape('7', 'sldNum'), shape('Second')], {
        1: {
          'notesSlide:notes/n.xml': `<p:notes>${shape('Say this', 'body')}${shape('99', 'sldNum')}</p:notes>`,
          'comments:c.xml':
            '<p:cmLst><p:cm authorId="0"><p:text>Shorter, please</p:text></p:cm></p:cmLst>',
        },
      }),
    ['# Last made', 'Say this', 'Comment: Shorter, please', 'Second'],
    ['99', '7'],
  ],
  [
    'what layouts and masters show on slides, once, without their placeholders',
    'a.pptx',
    () =>
      slidesFile([shape('One'), shape('Two')], {
        1: {
          'slideLayout:layouts/l.xml': layout(
            shape('Strictly confidential') + shape('Click to edit', 'title'),
          ),
        },
        2: {
          'slideLayout:layouts/l.xml': layout(
            shape('Strictly confidential') + shape('Click to edit', 'title'),
          ),
        },
      }),
    ['One', /Strictly confidential(?![^]*confidential)/, 'Two'],
    ['Click to edit'],
  ],
  [
    'a chart and a diagram after their slide',
    'a.pptx',
    () =>
      slidesFile([shape('Data'), shape('Next')], {
        1: { 'chart:charts/c.xml': chart('Insects'), 'diagramData:d.xml': diagram },
      }),
    ['Data', 'Insects', '|  | Bees | Wasps |', '| May | 15% | 25% |', '- Step 1\n- Step 2', 'Next'],
  ],
  [
    'tables, also merged ones',
    'a.pptx',
    () =>
      slidesFile([
        `<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr>${cell('City')}${cell('Year')}</a:tr><a:tr>${cell('Oslo', 'rowSpan="2"')}${cell('2025')}</a:tr><a:tr>${cell('', 'vMerge="1"')}${cell('2026')}</a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>`,
      ]),
    ['| City | Year |\n| --- | --- |\n| Oslo | 2025 |\n| Oslo | 2026 |'],
  ],
  [
    'automatic numbers, groups, and lines within a paragraph',
    'a.pptx',
    () =>
      slidesFile([
        `<p:grpSp><p:sp><p:txBody>${numbered('one', 0, 'arabicPeriod')}${numbered('inner', 1, 'alphaLcParenBoth')}${numbered('inner two', 1, 'alphaLcParenBoth')}${numbered('two', 0, 'arabicPeriod')}<a:p><a:r><a:t>up</a:t></a:r><a:br/><a:r><a:t>down</a:t></a:r></a:p></p:txBody></p:sp></p:grpSp>`,
      ]),
    ['1. one\n(a) inner\n(b) inner two\n2. two\nup\ndown'],
  ],
  [
    'a formula once, and no hidden shape',
    'a.pptx',
    () =>
      slidesFile([
        `<mc:AlternateContent><mc:Choice Requires="a14"><p:sp><p:txBody><a:p><a14:m><m:oMath><m:f><m:num><m:r><m:t>𝑎</m:t></m:r></m:num><m:den><m:r><m:t>3</m:t></m:r></m:den></m:f></m:oMath></a14:m></a:p></p:txBody></p:sp></mc:Choice><mc:Fallback><p:sp><p:txBody><a:p><a:r><a:t>fallback</a:t></a:r></a:p></p:txBody></p:sp></mc:Fallback></mc:AlternateContent>` +
          '<p:sp><p:nvSpPr><p:cNvPr id="3" hidden="1"/></p:nvSpPr><p:txBody><a:p><a:r><a:t>unseen</a:t></a:r></a:p></p:txBody></p:sp>',
      ]),
    ['a/3'],
    ['fallback', 'unseen'],
  ],
  [
    'slides by their names where the presentation lists none',
    'a.ppsx',
    () =>
      zip(
        [10, 9].map((number) => ({
          name: `ppt/slides/slide${number}.xml`,
          data: slide(`Slide no. ${number}`),
        })),
      ),
    ['Slide no. 9', 'Slide no. 10'],
  ],
];
