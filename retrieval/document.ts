/** What a document is on its way in: where it comes from, how it is cut, what parsing it may use, and how it fails. */

/** A part of a document that is searched as one. */
export type Chunk = {
  text: string;
  /** The titles above the text, outermost first. */
  headings: string[];
  /** Of the table that the text continues. */
  tableHeader: string | null;
  /** In cl100k, the encoding of text-embedding-3. */
  tokens: number;
  /** Where it begins, counted from 1: the page of a PDF or the slide of a presentation, else null. */
  page: number | null;
  /** Position in the extracted text in code points, end exclusive. */
  start: number;
  end: number;
};

export type ChunkingOptions = {
  maxTokens: number;
  /** Of the end of each chunk, repeated at the beginning of the next; at most half of `maxTokens`. */
  overlapTokens: number;
};

/** `read` may be called again when the document is parsed again. */
export type DocumentFile = {
  /** Its extension decides the format. */
  filename: string;
  bytes: number;
  read: () => AsyncIterable<Uint8Array>;
};

/** What parsing one file may use. */
export type ParseLimits = {
  /** What a parser is given that stands still, on Linux; elsewhere what it is given: beyond it the file is parsed again. */
  wallMs: number;
  /** Of processor time: beyond it the file is parsed once more, if the computer is busy, and refused. On Linux. */
  cpuSeconds: number;
  /** Of the parsing process as a whole, on Linux; elsewhere of its heap. */
  memoryBytes: number;
  /** Of a file that has to be in memory as a whole: everything but plain text. */
  documentBytes: number;
  /** Of the text that comes out. The hosted service documents 5,000,000 per file. */
  tokens: number;
  /** Of a PDF or a presentation. */
  pages: number;
  /** Of an archive (.docx, .pptx): how many, their real size when inflated, and that size to the archive's. */
  archiveEntries: number;
  inflatedBytes: number;
  inflateRatio: number;
};

export const PARSE_LIMITS: Readonly<ParseLimits> = {
  wallMs: 600_000,
  cpuSeconds: 60,
  memoryBytes: 768 * 1024 * 1024,
  documentBytes: 128 * 1024 * 1024,
  tokens: 5_000_000,
  pages: 5_000,
  archiveEntries: 5_000,
  inflatedBytes: 200 * 1024 * 1024,
  inflateRatio: 100,
};

/** The codes are those of a vector store file's `last_error`. */
export type DocumentErrorCode = 'unsupported_file' | 'invalid_file';

/** The file cannot be indexed, now or later; the message is one sentence for its owner. */
export class DocumentError extends Error {
  override name = 'DocumentError';
  readonly code: DocumentErrorCode;

  constructor(code: DocumentErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
