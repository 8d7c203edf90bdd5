/** Office files in parts, as programs write them: content types, relations, and parts wherever the relations say. */
import { zip } from './archives.ts';
import { relations } from './documents.ts';

const NAMESPACES = [
  'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"',
  'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"',
  'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"',
  'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"',
  'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"',
  'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"',
  'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"',
  'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"',
].join(' ');

/** Parts by name; a part's relations are `id type target`, by the part's name. */
export type Parts = { parts: Record<string, string>; related?: Record<string, string[]> };

export function officeFile({ parts, related = {} }: Parts): Buffer {
  const files = Object.entries(parts).map(([name, data]) => ({
    name,
    data: data.replace(/^<[\w:]+/, (root) => `${root} ${NAMESPACES}`),
  }));
  const links = Object.entries(related).map(([part, lines]) => ({
    name: part.replace(/([^/]*)$/, '_rels/$1.rels'),
    data: relations(lines.map((line) => line.split(' ') as [string, string, string])),
  }));
  return zip([{ name: '[Content_Types].xml', data: '<Types/>' }, ...files, ...links]);
}

/** A Word document of `body`, and of parts with their relation: `styles`, `numbering`, `chart:charts/chart1.xml`. */
export function wordFile(body: string, more: Record<string, string> = {}): Buffer {
  const extra = Object.entries(more).map(([key, data]) => {
    const [type = '', target = `${type}.xml`] = key.split(':');
    return { type, target, data };
  });
  return officeFile({
    parts: {
      'word/document.xml': `<w:document><w:body>${body}</w:body></w:document>`,
      ...Object.fromEntries(extra.map(({ target, data }) => [`word/${target}`, data])),
    },
    related: {
      '': ['rId1 officeDocument word/document.xml'],
      'word/document.xml': extra.map(({ type, target }) => `${type} ${type} ${target}`),
    },
  });
}

export const p = (text: string, properties = '') =>
  `<w:p>${properties === '' ? '' : `<w:pPr>${properties}</w:pPr>`}<w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;

/** In a list at a level. */
export const item = (text: string, list: number, level = 0) =>
  p(text, `<w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="${list}"/></w:numPr>`);

/** The levels of a list, each as `format text`, or with a start: `format text 4`. */
export function numberingLevels(...levels: string[]): string {
  return levels
    .map((level, index) => {
      const [format = '', text = '', start = '1', ...more] = level.split('|');
      return (
        `<w:lvl w:ilvl="${index}"><w:start w:val="${start}"/><w:numFmt w:val="${format}"/>` +
        `<w:lvlText w:val="${text}"/>${more.join('')}</w:lvl>`
      );
    })
    .join('');
}

/** Slides of shapes; parts that slide n has relations to are in `more[n]`, by `type:target`. */
export function slidesFile(
  slides: readonly string[],
  more: Record<number, Record<string, string>> = {},
): Buffer {
  const parts: Record<string, string> = {
    'ppt/presentation.xml': `<p:presentation><p:sldIdLst>${slides
      .map((_, index) => `<p:sldId id="${256 + index}" r:id="rId${index + 1}"/>`)
      .join('')}</p:sldIdLst></p:presentation>`,
  };
  const related: Record<string, string[]> = {
    '': ['rId1 officeDocument ppt/presentation.xml'],
    'ppt/presentation.xml': slides.map(
      (_, index) => `rId${index + 1} slide slides/s${index + 1}.xml`,
    ),
  };
  slides.forEach((shapes, index) => {
    const name = `ppt/slides/s${index + 1}.xml`;
    parts[name] = `<p:sld><p:cSld><p:spTree>${shapes}</p:spTree></p:cSld></p:sld>`;
    related[name] = Object.entries(more[index + 1] ?? {}).map(([key, data], number) => {
      const [type = '', target = ''] = key.split(':');
      parts[`ppt/${target}`] = data;
      return `rId${number + 1} ${type} ../${target}`;
    });
  });
  return officeFile({ parts, related });
}

export const shape = (text: string, placeholder = '') =>
  `<p:sp><p:nvSpPr><p:cNvPr id="1"/><p:nvPr>${placeholder === '' ? '' : `<p:ph type="${placeholder}"/>`}</p:nvPr></p:nvSpPr>` +
  `<p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`;

export type Sheet = { name: string; rows: string; state?: string; after?: string };

/** Rows are `<row>`s; `strings` are those that cells of type s name; formats are the cells' styles in order. */
export function workbook(
  sheets: readonly Sheet[],
  {
    strings = [],
    formats = [],
    more = {},
  }: { strings?: string[]; formats?: string[]; more?: Record<string, string> } = {},
): Buffer {
  const extra = Object.entries(more).map(([key, data]) => [...key.split(':'), data]);
  return officeFile({
    parts: {
      'xl/workbook.xml': `<workbook><sheets>${sheets
        .map(
          ({ name, state }, index) =>
            `<sheet name="${name}" sheetId="${index + 1}" ${state === undefined ? '' : `state="${state}" `}r:id="rId${index + 1}"/>`,
        )
        .join('')}</sheets></workbook>`,
      'xl/strings.xml': `<sst>${strings.map((text) => `<si>${text}</si>`).join('')}</sst>`,
      'xl/styles.xml':
        `<styleSheet><numFmts>${formats.map((code, index) => `<numFmt numFmtId="${200 + index}" formatCode="${code}"/>`).join('')}</numFmts>` +
        `<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="10"/>${formats.map((_, index) => `<xf numFmtId="${200 + index}"/>`).join('')}</cellXfs></styleSheet>`,
      ...Object.fromEntries(
        sheets.map(({ rows, after = '' }, index) => [
          `xl/sheets/s${index + 1}.xml`,
          `<worksheet><dimension ref="A1:XFD1048576"/><sheetData>${rows}</sheetData>${after}</worksheet>`,
        ]),
      ),
      ...Object.fromEntries(extra.map(([, target = '', data = '']) => [`xl/${target}`, data])),
    },
    related: {
      '': ['rId1 officeDocument xl/workbook.xml'],
      'xl/workbook.xml': [
        ...sheets.map((_, index) => `rId${index + 1} worksheet sheets/s${index + 1}.xml`),
        'rId90 sharedStrings strings.xml',
        'rId91 styles styles.xml',
      ],
      'xl/sheets/s1.xml': extra.map(
        ([type, target], index) => `rId${index + 1} ${type} ../${target}`,
      ),
    },
  });
}
