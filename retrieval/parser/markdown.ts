/**
 * How parsers write headings and tables. Every format but `text` (source code, logs), `json` and `xml` follows this
 * convention, so that a chunk can start with the path of its headings and with the header of the table that it continues:
 *
 * - `# Heading` to `###### Heading`: a line of its own, after an empty line; one `#` a level.
 * - A table is a run of lines `| a | b |`, after an empty line. The first one is its header, the second one is
 *   `| --- | --- |`, and every other line is a whole row. In a cell `|` is written `\|`, and a line end is a space.
 *   An empty line, or any other text, ends it.
 * - Paragraphs are lines. Nothing else of the text is escaped, so a paragraph may begin with a `#` of its own.
 */

export type Cell = {
  text: string;
  /** The number of columns that the cell covers. */
  columns?: number;
  /** The number of rows that the cell covers; the rows below have no cell in its place. */
  rows?: number;
  /** The cell above goes on here. Its text is repeated, so that each row can be understood alone. */
  continues?: boolean;
};

export type Table = {
  /** Returns the lines of the next row. */
  row(cells: readonly Cell[]): string;
  /** Returns the line that ends the table, or '' when none has begun. */
  end(): string;
};

const MOST_LEVELS = 6;
/** A file that claims wider or higher cells is broken, or wants to fill memory. */
const MOST_COVERED = 1_000;

export function heading(level: number, text: string): string {
  const title = oneLine(text);
  return title === ''
    ? ''
    : `\n${'#'.repeat(Math.min(Math.max(level, 1), MOST_LEVELS))} ${title}\n`;
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Rows of one cell before the header are titles and become lines, and so does a table of one column. */
export function createTable(): Table {
  let begun = false;
  let above: string[] = [];
  let covered: number[] = [];

  function place(cells: readonly Cell[]): string[] {
    const texts: string[] = [];
    const fromAbove = () => {
      for (let column = texts.length; (covered[column] ?? 0) > 0; column += 1) {
        covered[column] = (covered[column] ?? 0) - 1;
        texts.push(above[column] ?? '');
      }
    };
    for (const { text, columns = 1, rows = 1, continues = false } of cells) {
      fromAbove();
      if (rows > 1) covered[texts.length] = Math.min(rows, MOST_COVERED) - 1;
      texts.push(continues ? (above[texts.length] ?? '') : toCell(text));
      for (let more = 1; more < Math.min(columns, MOST_COVERED); more += 1) texts.push('');
    }
    fromAbove();
    return texts;
  }

  return {
    row(cells) {
      const texts = place(cells);
      above = texts;
      if (!texts.some((text) => text !== '')) return '';
      if (!begun && cells.length === 1) return `${texts[0]?.replaceAll('\\|', '|')}\n`;
      const line = `| ${texts.join(' | ')} |\n`;
      if (begun) return line;
      begun = true;
      return `\n${line}|${' --- |'.repeat(texts.length)}\n`;
    },
    end() {
      const end = begun ? '\n' : '';
      begun = false;
      above = [];
      covered = [];
      return end;
    },
  };
}

function toCell(text: string): string {
  return oneLine(text).replaceAll('|', '\\|');
}
