/** Which file is read how: its extension decides, as it does for the hosted service. */
import { DocumentError } from './document.ts';

/** The text of all but `text` follows the convention of parser/markdown.ts. */
export type Format = 'pdf' | 'docx' | 'pptx' | 'xlsx' | 'doc' | 'html' | 'markdown' | 'text';

/** Those that the hosted service documents for file search, and other plain text. */
const TEXT =
  'txt text rst adoc org tex bib log srt vtt diff patch ' +
  'json jsonl ndjson ipynb csv tsv xml xsd xsl yaml yml toml ini cfg conf properties env sql graphql proto ' +
  'c h cc cpp cxx hh hpp hxx cs css scss less go java js mjs cjs jsx ts mts cts tsx vue svelte php py pyi rb rs sh ' +
  'bash zsh fish bat ps1 kt kts swift scala dart lua pl pm r jl m mm ex exs erl hs ml clj lisp el tf cmake gradle';

/** With templates, and with macros, which are not looked at. */
const OFFICE = [
  ['docx', 'docx docm dotx dotm'],
  ['pptx', 'pptx pptm potx potm ppsx ppsm'],
  ['xlsx', 'xlsx xlsm xltx xltm'],
] as const;

const FORMATS = new Map<string, Format>([
  ...TEXT.split(' ').map((extension) => [extension, 'text'] as const),
  ...['md', 'markdown', 'mdx'].map((extension) => [extension, 'markdown'] as const),
  ['pdf', 'pdf'],
  ...OFFICE.flatMap(([format, extensions]) =>
    extensions.split(' ').map((extension) => [extension, format] as const),
  ),
  ['doc', 'doc'],
  ['html', 'html'],
  ['htm', 'html'],
  ['xhtml', 'html'],
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
