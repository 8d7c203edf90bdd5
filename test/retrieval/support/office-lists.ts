/** Word documents with numbers and headings, and what has to be in their text. */
import { item, numberingLevels, p, wordFile } from './office.ts';
import type { Case } from './office-words.ts';

const list = (levels: string[], nums = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>') =>
  `<w:numbering><w:abstractNum w:abstractNumId="0">${numberingLevels(...levels)}</w:abstractNum>${nums}</w:numbering>`;
const style = (id: string, name: string, inner: string) =>
  `<w:style w:type="paragraph" w:styleId="${id}"><w:name w:val="${name}"/>${inner}</w:style>`;

export const LISTS: Case[] = [
  [
    'numbers of several levels, with letters and roman digits',
    'a.docx',
    () =>
      wordFile(
        ['One', 'Two'].map((name) => item(name, 1)).join('') +
          item('Scope', 1, 1) +
          item('Limits', 1, 1) +
          item('first', 1, 2) +
          item('second', 1, 2) +
          item('deep', 1, 3) +
          item('Three', 1) +
          item('Again', 1, 1),
        { numbering: list(['decimal|%1.', 'decimal|%1.%2', 'lowerLetter|(%3)', 'lowerRoman|%4)']) },
      ),
    [
      '1. One',
      '2. Two',
      '2.1 Scope',
      '2.2 Limits',
      '(a) first',
      '(b) second',
      'i) deep',
      '3. Three',
      '3.1 Again',
    ],
  ],
  [
    'lists that start anew, at a number of their own, or in another format',
    'a.docx',
    () =>
      wordFile(
        item('a', 1) + item('b', 1) + item('c', 2) + item('d', 2) + item('e', 3) + item('f', 1),
        {
          numbering: list(
            ['decimal|%1.'],
            '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>' +
              '<w:num w:numId="2"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>' +
              `<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0">${numberingLevels('upperRoman|Part %1:')}</w:lvlOverride></w:num>`,
          ),
        },
      ),
    ['1. a', '2. b', '7. c', '8. d', 'Part IX: e', '10. f'],
  ],
  [
    'levels that go on, and legal numbers',
    'a.docx',
    () =>
      wordFile(item('A', 1) + item('x', 1, 1) + item('B', 1) + item('y', 1, 1), {
        numbering: list([
          'upperRoman|Article %1',
          'decimal|%1.%2|1|<w:lvlRestart w:val="0"/><w:isLgl/>',
        ]),
      }),
    ['Article I A', '1.1 x', 'Article II B', '2.2 y'],
  ],
  [
    'headings whose style numbers them, with their level',
    'a.docx',
    () =>
      wordFile(
        p('Terms', '<w:pStyle w:val="H1"/>') +
          p('Payment', '<w:pStyle w:val="Mine"/>') +
          p('Body text') +
          p('Unnumbered', '<w:pStyle w:val="H1"/><w:numPr><w:numId w:val="0"/></w:numPr>'),
        {
          styles: `<w:styles>${style('H1', 'heading 1', '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="0"/></w:pPr>')}${style('H2', 'heading 2', '<w:basedOn w:val="H1"/><w:pPr><w:numPr><w:ilvl w:val="1"/></w:numPr><w:outlineLvl w:val="1"/></w:pPr>')}${style('Mine', 'My clause', '<w:basedOn w:val="H2"/>')}</w:styles>`,
          numbering: list([
            'decimal|%1|4|<w:pStyle w:val="H1"/>',
            'decimal|%1.%2|1|<w:pStyle w:val="H2"/>',
          ]),
        },
      ),
    [/^# 4 Terms$/m, /^## 4\.1 Payment$/m, /^Body text$/m, /^# Unnumbered$/m],
  ],
  [
    'lists of a list style, bullets, zeros and Chinese numbers',
    'a.docx',
    () =>
      wordFile(item('bullet', 1) + item('zero', 2) + item('十二', 3) + item('padded', 4), {
        numbering:
          `<w:numbering><w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="L"/></w:abstractNum>` +
          `<w:abstractNum w:abstractNumId="1"><w:styleLink w:val="L"/>${numberingLevels('bullet|')}</w:abstractNum>` +
          `<w:abstractNum w:abstractNumId="2">${numberingLevels('decimalZero|%1.')}</w:abstractNum>` +
          `<w:abstractNum w:abstractNumId="3">${numberingLevels('chineseCounting|第%1条|12')}</w:abstractNum>` +
          '<w:abstractNum w:abstractNumId="4"><w:lvl w:ilvl="0"><w:start w:val="7"/><mc:AlternateContent><mc:Choice><w:numFmt w:val="custom" w:format="001, 002, 003, ..."/></mc:Choice><mc:Fallback><w:numFmt w:val="decimal"/></mc:Fallback></mc:AlternateContent><w:lvlText w:val="%1"/></w:lvl></w:abstractNum>' +
          [0, 2, 3, 4]
            .map(
              (id, index) =>
                `<w:num w:numId="${index + 1}"><w:abstractNumId w:val="${id}"/></w:num>`,
            )
            .join('') +
          '</w:numbering>',
      }),
    ['- bullet', '01. zero', '第十二条 十二', '007 padded'],
  ],
];
