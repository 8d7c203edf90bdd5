/** What a file's name says about its text. */
import type { WordConfiguration } from '../../db/vector-stores/documents.ts';

/** Counts up when the same bytes may give other chunks than before: those of earlier versions are not continued. */
const VERSION = 2;

const PROSE = new Set([
  '',
  'txt',
  'text',
  'md',
  'markdown',
  'mdx',
  'rst',
  'adoc',
  'org',
  'tex',
  'bib',
  'srt',
  'vtt',
  'csv',
  'tsv',
  'pdf',
  'doc',
  'docx',
  'pptx',
  'xlsx',
  'odt',
  'ods',
  'odp',
  'rtf',
  'epub',
  'eml',
  'html',
  'htm',
  'xhtml',
]);

/** Part of what makes two documents the same. */
export function formatOf(filename: string, ocrLanguages: readonly string[]): string {
  const extension = extensionOf(filename);
  const languages = extension === 'pdf' ? ocrLanguages : [];
  return [VERSION, extension, ...languages].join('.');
}

/** Words of prose are stemmed; identifiers and data are found as they are written. */
export function wordsOf(filename: string): WordConfiguration {
  return PROSE.has(extensionOf(filename)) ? 'english' : 'simple';
}

function extensionOf(filename: string): string {
  return /\.([a-z0-9]{1,16})$/i.exec(filename)?.[1]?.toLowerCase() ?? '';
}
