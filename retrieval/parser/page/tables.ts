/** The tables of a page, which may lie within each other. */
import { createTable } from '../markdown.ts';
import type { Cell, Table } from '../markdown.ts';
import type { Attributes } from '../markup.ts';

type OpenTable = {
  /** Undefined for a table that holds tables: it only lays out the page, so its cells become ordinary text. */
  rows: Table | undefined;
  row: (Omit<Cell, 'text'> & { parts: string[] })[];
  inCell: boolean;
};

export type PageTables = {
  /** The parts of the open cell, which take the text. */
  cell(): string[] | undefined;
  open(name: string, attributes: Attributes): void;
  close(name: string): void;
  end(): void;
};

/** `write` takes whole lines. */
export function createTables(write: (lines: string) => void): PageTables {
  const tables: OpenTable[] = [];

  function endRow(table: OpenTable | undefined): void {
    if (table === undefined) return;
    const cells = table.row.map(({ parts, ...rest }) => ({ ...rest, text: parts.join('') }));
    [table.row, table.inCell] = [[], false];
    if (cells.length > 0) write(table.rows?.row(cells) ?? '');
  }

  function openTable(): void {
    const outer = tables.at(-1);
    if (outer?.rows !== undefined) {
      const lines = outer.row.map(({ parts }) => parts.join('').trim()).filter(Boolean);
      write(outer.rows.end() + lines.map((line) => `${line}\n`).join(''));
      [outer.rows, outer.row] = [undefined, []];
    }
    tables.push({ rows: createTable(), row: [], inCell: false });
  }

  return {
    cell() {
      const table = tables.at(-1);
      return table?.rows !== undefined && table.inCell ? table.row.at(-1)?.parts : undefined;
    },
    open(name, attributes) {
      const table = tables.at(-1);
      if (name === 'table') openTable();
      if (name === 'tr' || name === 'tbody' || name === 'tfoot') endRow(table);
      if (table?.rows === undefined || (name !== 'td' && name !== 'th')) return;
      const [columns = 1, rows = 1] = [attributes['colspan'], attributes['rowspan']].map(
        (count) => Number.parseInt(count ?? '', 10) || 1,
      );
      table.row.push({ columns, rows, parts: [] });
      table.inCell = true;
    },
    close(name) {
      const table = tables.at(-1);
      if (table === undefined) return;
      if (name === 'td' || name === 'th') table.inCell = false;
      if (name === 'tr' || name === 'table') endRow(table);
      if (name !== 'table') return;
      write(table.rows?.end() ?? '');
      tables.pop();
    },
    end() {
      endRow(tables.at(-1));
    },
  };
}
