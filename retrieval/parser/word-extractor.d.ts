/** The package has no types of its own; these are the parts in use. */
declare module 'word-extractor' {
  export default class WordExtractor {
    extract(source: Buffer): Promise<{
      getBody(): string;
      getFootnotes(): string;
      getEndnotes(): string;
      getHeaders(options: { includeFooters: boolean }): string;
      getTextboxes(): string;
    }>;
  }
}
