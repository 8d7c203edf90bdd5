/** Which file is read how: its extension decides, as it does for the hosted service. */
import { DocumentError } from './document.ts';

/** The text of all but `text`, `json` and `xml` follows the convention of parser/markdown.ts. */
export type Format =
  | 'pdf'
  | 'docx'
  | 'pptx'
  | 'xlsx'
  | 'odf'
  | 'doc'
  | 'rtf'
  | 'epub'
  | 'eml'
  | 'html'
  | 'notebook'
  | 'csv'
  | 'tex'
  | 'markdown'
  | 'json'
  | 'xml'
  | 'text';

/**
 * The extensions of each. Text are those that the hosted service documents for file search, and other plain text. Office
 * files may be templates, and have macros, which are not looked at.
 */
const EXTENSIONS: Record<Format, string> = {
  pdf: 'pdf',
  docx: 'docx docm dotx dotm',
  pptx: 'pptx pptm potx potm ppsx ppsm',
  xlsx: 'xlsx xlsm xltx xltm',
  odf: 'odt ott ods ots odp otp',
  doc: 'doc',
  rtf: 'rtf',
  epub: 'epub',
  eml: 'eml mht mhtml',
  html: 'html htm xhtml',
  notebook: 'ipynb',
  csv: 'csv tsv',
  tex: 'tex',
  markdown: 'md markdown mdx',
  json: 'json jsonl ndjson',
  xml: 'xml xsd xsl',
  text:
    'txt text rst adoc org bib log srt vtt diff patch ' +
    'yaml yml toml ini cfg conf properties env sql graphql proto ' +
    'c h cc cpp cxx hh hpp hxx cs css scss less go java js mjs cjs jsx ts mts cts tsx vue svelte php py pyi rb rs sh ' +
    'bash zsh fish bat ps1 kt kts swift scala dart lua pl pm r jl m mm ex exs erl hs ml clj lisp el tf cmake gradle',
};

const FORMATS = new Map(
  Object.entries(EXTENSIONS).flatMap(([format, extensions]) =>
    extensions.split(' ').map((extension) => [extension, format as Format] as const),
  ),
);

/** Read while they arrive: no more of them is in memory than a part. */
export const STREAMED: ReadonlySet<Format> = new Set([
  'text',
  'markdown',
  'json',
  'xml',
  'csv',
  'tex',
]);

/** Throws DocumentError `unsupported_file`. */
export function formatOf(filename: string): Format {
  const extension = /\.([a-z0-9]{1,10})$/i.exec(filename)?.[1]?.toLowerCase();
  const format = extension === undefined ? undefined : FORMATS.get(extension);
  if (format !== undefined) return format;
  const what =
    extension === undefined ? 'without an extension' : `with the extension .${extension}`;
  throw new DocumentError('unsupported_file', `Files ${what} cannot be searched.`);
}
