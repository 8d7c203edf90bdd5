/** Word documents, what has to be in their text, and what must not. */
import { docx, relations } from './documents.ts';
import { zip } from './archives.ts';
import { officeFile, p, wordFile } from './office.ts';

/** Name, filename, content, parts of the text in this order, and what must not be there. */
export type Case = [
  name: string,
  filename: string,
  content: () => Uint8Array | string,
  has: (string | RegExp)[],
  hasNot?: (string | RegExp)[],
];

const math = (inner: string) => `<w:p><m:oMath>${inner}</m:oMath></w:p>`;
const mr = (text: string) => `<m:r><m:t>${text}</m:t></m:r>`;
const box = (text: string) => `<w:txbxContent>${p(text)}</w:txbxContent>`;
const cached = (name: string, points: string[], format = '') =>
  `<c:${name}>${format === '' ? '' : `<c:formatCode>${format}</c:formatCode>`}${points
    .map((point, index) => `<c:pt idx="${index}"><c:v>${point}</c:v></c:pt>`)
    .join('')}</c:${name}>`;

export const chart = (title: string) =>
  `<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>${title}</a:t></a:r></a:p></c:rich></c:tx></c:title>` +
  `<c:plotArea><c:barChart>${['Bees', 'Wasps']
    .map(
      (name, index) =>
        `<c:ser><c:tx><c:strRef>${cached('strCache', [name])}</c:strRef></c:tx><c:cat><c:strRef>${cached('strCache', ['May', 'June'])}</c:strRef></c:cat>` +
        `<c:val><c:numRef>${cached('numCache', [`0.${index + 1}5`, '0.5'], '0%')}</c:numRef></c:val></c:ser>`,
    )
    .join(
      '',
    )}</c:barChart><c:valAx><c:title><c:tx><c:rich><a:p><a:r><a:t>Share of visits</a:t></a:r></a:p></c:rich></c:tx></c:title></c:valAx></c:plotArea></c:chart></c:chartSpace>`;

export const diagram =
  '<dgm:dataModel><dgm:ptLst><dgm:pt modelId="0" type="doc"/>' +
  [2, 1]
    .map(
      (id) =>
        `<dgm:pt modelId="${id}"><dgm:t><a:p><a:r><a:t>Step ${id}</a:t></a:r></a:p></dgm:t></dgm:pt>`,
    )
    .join('') +
  '</dgm:ptLst><dgm:cxnLst><dgm:cxn srcId="0" destId="1"/><dgm:cxn srcId="0" destId="2"/></dgm:cxnLst></dgm:dataModel>';

export const WORDS: Case[] = [
  [
    'formulas as they are typed',
    'a.docx',
    () =>
      wordFile(
        `<w:p><w:r><w:t>Add </w:t></w:r><m:oMath><m:f><m:num>${mr('1')}</m:num><m:den>${mr('2')}</m:den></m:f></m:oMath></w:p>` +
          math(`<m:sSup><m:e>${mr('x')}</m:e><m:sup>${mr('2')}</m:sup></m:sSup>`) +
          math(
            `<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/><m:e>${mr('x+1')}</m:e></m:rad>`,
          ) +
          math(
            `<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>${mr('i=1')}</m:sub><m:sup>${mr('n')}</m:sup><m:e>${mr('i')}</m:e></m:nary>`,
          ) +
          math(
            `<m:f><m:num>${mr('a+b')}</m:num><m:den><m:d><m:e>${mr('c')}</m:e></m:d></m:den></m:f>`,
          ) +
          math(
            `<m:sSubSup><m:e>${mr('𝑎')}</m:e><m:sub>${mr('n+1')}</m:sub><m:sup>${mr('2')}</m:sup></m:sSubSup>`,
          ) +
          math(
            `<m:m><m:mr><m:e>${mr('1')}</m:e><m:e>${mr('0')}</m:e></m:mr><m:mr><m:e>${mr('0')}</m:e><m:e>${mr('1')}</m:e></m:mr></m:m>`,
          ),
      ),
    ['Add 1/2', 'x^2', '√(x+1)', '∑_(i=1)^n i', '(a+b)/(c)', 'a_(n+1)^2', '[1, 0; 0, 1]'],
  ],
  [
    'symbols of picture fonts, and readings over their base',
    'a.docx',
    () =>
      wordFile(
        '<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FC"/><w:t> done, angle </w:t><w:sym w:font="Symbol" w:char="F061"/><w:sym w:font="Times New Roman" w:char="00E9"/><w:sym w:font="Webdings" w:char="F041"/></w:r></w:p>' +
          '<w:p><w:r><w:ruby><w:rubyPr><w:hps w:val="12"/></w:rubyPr><w:rt><w:r><w:t>とうきょう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東京</w:t></w:r></w:rubyBase></w:ruby></w:r></w:p>',
      ),
    ['✓ done, angle αé\n', '東京(とうきょう)'],
  ],
  [
    'a text box once',
    'a.docx',
    () =>
      wordFile(
        `<w:p><w:r><w:t>Around</w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wps:txbx>${box('In the box')}</wps:txbx></w:drawing></mc:Choice>` +
          `<mc:Fallback><w:pict><v:textbox>${box('In the box')}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>` +
          `<w:p><w:r><w:pict><v:textbox>${box('An old box')}</v:textbox></w:pict></w:r></w:p>`,
      ),
    ['Around', /In the box(?![^]*In the box)/, 'An old box'],
  ],
  [
    'footnotes, endnotes and comments after their paragraph',
    'a.docx',
    () =>
      wordFile(
        '<w:p><w:r><w:t>Claim</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:endnoteReference w:id="5"/></w:r><w:commentRangeStart w:id="0"/><w:r><w:commentReference w:id="0"/></w:r></w:p>' +
          p('Next'),
        {
          footnotes: `<w:footnotes><w:footnote w:type="separator" w:id="0">${p('never')}</w:footnote><w:footnote w:id="2">${p('Proof of it')}</w:footnote></w:footnotes>`,
          endnotes: `<w:endnotes><w:endnote w:id="5">${p('At the end')}</w:endnote></w:endnotes>`,
          comments: `<w:comments><w:comment w:id="0" w:author="Ada">${p('Really?')}</w:comment></w:comments>`,
        },
      ),
    ['Claim[^1][^i]', '[^1]: Proof of it', '[^i]: At the end', 'Comment (Ada): Really?', 'Next'],
    ['never'],
  ],
  [
    'what was inserted, without what was deleted, moved away or hidden',
    'a.docx',
    () =>
      wordFile(
        '<w:p><w:ins><w:r><w:t>inserted </w:t></w:r></w:ins><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>here </w:t></w:r></w:moveTo>' +
          '<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>open</w:t></w:r></w:p>' +
          `<w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc>${p('old row')}</w:tc></w:tr></w:tbl>`,
      ),
    ['inserted here open'],
    ['deleted', 'gone', 'secret', 'old row'],
  ],
  [
    'fields, content controls, links and check boxes',
    'a.docx',
    () =>
      wordFile(
        '<w:p><w:fldSimple w:instr="AUTHOR"><w:r><w:t>Grace</w:t></w:r></w:fldSimple><w:r><w:fldChar w:fldCharType="begin"/><w:instrText>PAGEREF x</w:instrText><w:fldChar w:fldCharType="separate"/><w:t> 12</w:t></w:r></w:p>' +
          `<w:sdt><w:sdtPr><w:alias w:val="no"/></w:sdtPr><w:sdtContent>${p('Controlled')}</w:sdtContent></w:sdt>` +
          '<w:p><w:hyperlink r:id="x"><w:r><w:t>Linked</w:t></w:r></w:hyperlink><w:r><w:fldChar><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar><w:t> agreed</w:t></w:r></w:p>',
      ),
    ['Grace 12', 'Controlled', 'Linked☒ agreed'],
    ['PAGEREF', 'AUTHOR'],
  ],
  [
    'tables with merged cells, and one in another one',
    'a.docx',
    () => {
      const tc = (text: string, properties = '') =>
        `<w:tc><w:tcPr>${properties}</w:tcPr>${p(text)}</w:tc>`;
      return wordFile(
        `${p('Before')}<w:tbl><w:tr>${tc('Region')}${tc('Sales | tax', '<w:gridSpan w:val="2"/>')}</w:tr>` +
          `<w:tr>${tc('North', '<w:vMerge w:val="restart"/>')}${tc('Q1')}${tc('10')}</w:tr><w:tr>${tc('', '<w:vMerge/>')}${tc('Q2')}<w:tc>${p('20')}<w:tbl><w:tr>${tc('inner')}</w:tr></w:tbl></w:tc></w:tr></w:tbl>` +
          p('After'),
      );
    },
    [
      'Before\n\n| Region | Sales \\| tax |  |\n| --- | --- | --- |\n| North | Q1 | 10 |\n| North | Q2 | 20 inner |\n\nAfter',
    ],
  ],
  [
    'a chart as a table, and a diagram as a list',
    'a.docx',
    () =>
      wordFile(
        `${p('Before')}<w:p><w:r><w:drawing><a:graphic><a:graphicData><c:chart r:id="chart"/></a:graphicData></a:graphic></w:drawing></w:r></w:p>` +
          `<w:p><w:r><w:drawing><a:graphicData><dgm:relIds r:dm="diagramData" r:lo="x"/></a:graphicData></w:drawing></w:r></w:p>${p('Behind')}`,
        { 'chart:charts/chart7.xml': chart('Visitors'), 'diagramData:diagrams/d.xml': diagram },
      ),
    [
      'Before',
      'Visitors',
      '|  | Bees | Wasps |',
      '| May | 15% | 25% |',
      '| June | 50% | 50% |',
      '- Step 1\n- Step 2',
      'Behind',
    ],
  ],
  [
    'documents in place of a paragraph',
    'a.docx',
    () =>
      wordFile('<w:altChunk r:id="aFChunk"/><w:p/>', {
        'aFChunk:chunk.html':
          '<html><body><h2>Quarterly zeppelin budget</h2><p>of hydrogen</body></html>',
      }),
    ['## Quarterly zeppelin budget', 'of hydrogen'],
  ],
  [
    'another Word document in place of a paragraph',
    'a.docx',
    () =>
      zip([
        {
          name: 'word/document.xml',
          data: '<w:document><w:body><w:altChunk r:id="x"/></w:body></w:document>',
        },
        {
          name: 'word/_rels/document.xml.rels',
          data: relations([['x', 'aFChunk', '/chunk.docx']]),
        },
        { name: 'chunk.docx', data: docx(p('Nested but shown')) },
      ]),
    ['Nested but shown'],
  ],
  [
    'parts wherever the relations say, in strict files too',
    'a.docx',
    () =>
      zip([
        {
          name: '_rels/.rels',
          data: '<Relationships><Relationship Id="1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/body/document2.xml"/></Relationships>',
        },
        {
          name: 'body/document2.xml',
          data: `<w:document xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main"><w:body>${p('The real text')}</w:body></w:document>`,
        },
        {
          name: 'body/_rels/document2.xml.rels',
          data: '<Relationships><Relationship Id="1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/footer" Target="parts/below%201.xml"/></Relationships>',
        },
        { name: 'body/parts/below 1.xml', data: `<w:ftr>${p('The footer')}</w:ftr>` },
        {
          name: 'word/document.xml',
          data: `<w:document><w:body>${p('An old copy')}</w:body></w:document>`,
        },
      ]),
    ['The real text', 'The footer'],
    ['An old copy'],
  ],
  [
    'a main part that only the content types name',
    'a.docm',
    () =>
      zip([
        {
          name: '[Content_Types].xml',
          data: '<Types><Override PartName="/word/document9x.xml" ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/></Types>',
        },
        {
          name: 'word/document9x.xml',
          data: `<w:document><w:body>${p('Typed')}</w:body></w:document>`,
        },
      ]),
    ['Typed'],
  ],
  [
    'a watermark and a header, once',
    'a.docx',
    () =>
      officeFile({
        parts: {
          'word/document.xml': `<w:document><w:body>${p('Body')}</w:body></w:document>`,
          'word/h1.xml': `<w:hdr>${p('Acme')}<w:p><w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r></w:p></w:hdr>`,
          'word/h2.xml': `<w:hdr>${p('Acme')}<w:p><w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r></w:p></w:hdr>`,
        },
        related: { 'word/document.xml': ['a header h1.xml', 'b header h2.xml'] },
      }),
    ['Body', /Acme\n+DRAFT(?![^]*Acme)/],
  ],
];
