/** What a reader of a PDF sees, page by page: its text, the values of its form, and comments. */
import type { Piece } from '../../chunk-text.ts';
import { DocumentError } from '../../document.ts';
import type { ParseLimits } from '../../document.ts';
import type { ParseRequest } from '../../messages.ts';
import { readAnnotations } from './annotations.ts';
import { readPageText } from './page-text.ts';
import { allocate, free, pdfium, write } from './pdfium.ts';
import type { Recognizer } from './recognize.ts';

/** Of FPDF_GetLastError. */
const NEEDS_PASSWORD = 4;
const UNKNOWN_ENCRYPTION = 5;
/** Of FPDF_GetFormType: a form of XFA, the second kind with pages that also other programs can draw. */
const DYNAMIC_XFA = 2;
const STATIC_XFA = 3;
const PLACEHOLDER = /please wait/i;

/** A page that cannot be read is left out; a file without any text is an error. */
export async function* readPdf(
  parts: AsyncIterable<Buffer>,
  { bytes, limits, languages }: Pick<ParseRequest, 'bytes' | 'limits' | 'languages'>,
): AsyncGenerator<Piece> {
  const file = allocate(bytes);
  let length = 0;
  for await (const part of parts) {
    write(part, file + length);
    length += part.length;
  }
  const document = pdfium.FPDF_LoadMemDocument(file, length, '');
  if (document === 0) throw openError();
  yield* readPages(document, limits, languages);
  pdfium.FPDF_CloseDocument(document);
  free(file);
}

async function* readPages(
  document: number,
  limits: ParseLimits,
  languages: readonly string[],
): AsyncGenerator<Piece> {
  const count = pdfium.FPDF_GetPageCount(document);
  if (count > limits.pages) {
    throw invalid(`The file has ${count} pages, of which at most ${limits.pages} are read.`);
  }
  const formType = pdfium.FPDF_GetFormType(document);
  if (formType === DYNAMIC_XFA) throw needsXfa();
  const callbacks = pdfium.PDFiumExt_OpenFormFillInfo();
  const form = pdfium.PDFiumExt_InitFormFillEnvironment(document, callbacks);
  const recognize = recognizer(languages);
  let hasPages = false;
  let hasText = false;
  let hasGlyphs = false;
  for (let index = 0; index < count; index += 1) {
    const page = await readPage({ document, form, index }, recognize);
    if (page === undefined) continue;
    hasPages = true;
    const { shown, added } = page;
    if (shown === undefined) hasGlyphs = true;
    else if (formType === STATIC_XFA && PLACEHOLDER.test(shown)) throw needsXfa();
    const text = [shown ?? '', ...added].filter((part) => part.trim() !== '').join('\n');
    if (text === '') continue;
    hasText = true;
    yield { text: `${text}\n\n`, page: index + 1 };
  }
  if (!hasPages) throw damaged();
  if (!hasText) throw languages.length === 0 ? needsRecognition(hasGlyphs) : nothingRecognised();
  pdfium.PDFiumExt_ExitFormFillEnvironment(form);
  pdfium.PDFiumExt_CloseFormFillInfo(callbacks);
}

type PageText = {
  /** Undefined: its glyphs are no known characters. */
  shown: string | undefined;
  added: string[];
};

/** Undefined: the page cannot be read. */
async function readPage(
  { document, form, index }: { document: number; form: number; index: number },
  recognize: (page: number) => Promise<string | undefined>,
): Promise<PageText | undefined> {
  const page = pdfium.FPDF_LoadPage(document, index);
  if (page === 0) return undefined;
  let shown = readPageText(page);
  if ((shown ?? '').trim() === '') shown = (await recognize(page)) ?? shown;
  const text = { shown, added: readAnnotations(form, page) };
  pdfium.FPDF_ClosePage(page);
  return text;
}

/** Loads what recognises text with the first page that needs it. Undefined: no language is set. */
function recognizer(languages: readonly string[]): (page: number) => Promise<string | undefined> {
  let loaded: Recognizer | undefined;
  return async (page) => {
    if (languages.length === 0) return undefined;
    loaded ??= await (await import('./recognize.ts')).createRecognizer(languages);
    return loaded(page);
  };
}

function openError(): DocumentError {
  switch (pdfium.FPDF_GetLastError()) {
    case NEEDS_PASSWORD:
      return invalid('The file is protected with a password.');
    case UNKNOWN_ENCRYPTION:
      return invalid('The file is encrypted in a way that cannot be read.');
    default:
      return damaged();
  }
}

function damaged(): DocumentError {
  return invalid('The file is not a PDF, or it is damaged.');
}

function needsXfa(): DocumentError {
  return invalid(
    'The PDF is an XFA form, which only programs of Adobe show: save it as a PDF with pages, for instance by printing it.',
  );
}

function needsRecognition(hasGlyphs: boolean): DocumentError {
  const reason = hasGlyphs
    ? 'The text of the PDF has no meaning: its pages'
    : 'The PDF has no text: scanned pages';
  return invalid(`${reason} need text recognition before they can be searched.`);
}

function nothingRecognised(): DocumentError {
  return invalid('The PDF has no text, and text recognition finds none in its pages.');
}

function invalid(message: string): DocumentError {
  return new DocumentError('invalid_file', message);
}
