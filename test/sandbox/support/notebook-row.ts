/** A row of the table in `notebook.ts`. */

/** Ends the session's Python: the next cell starts from what is stored. */
export const RESTART = 'RESTART';

/** Where a backend differs by nature: the reason, and what it gives instead; `skip`: the cells mean nothing there. */
type Difference = { reason: string } & ({ skip: true } | { gives: string | RegExp });

export type Options = {
  /** A package that not every Python has. */
  needs?: string;
  pyodide?: Difference;
};

/** The name, the cells of one session, and what the last one gives, with `[image]` for an image. */
export type Row =
  | [name: string, ...cells: string[], gives: string | RegExp]
  | [name: string, ...cells: string[], gives: string | RegExp, options: Options];
