/** Rich text: control words, groups in braces, and characters in the code page of their font. */
import { TextDecoder } from 'node:util';

import type { Piece } from '../../chunk-text.ts';
import { DocumentError } from '../../document.ts';
import { createTable, heading } from '../markdown.ts';
import type { Table } from '../markdown.ts';

type Group = {
  unseen: boolean;
  /** After `\*`, a group whose first word is unknown has to be skipped. */
  optional: boolean;
  page: number;
  /** The number of characters after `\u` that only older programs show. */
  substitutes: number;
};

type State = {
  group: Group;
  outer: Group[];
  /** The code pages of fonts; `font` is the font that is being described. */
  fonts: Map<number, number>;
  font: number;
  inFonts: boolean;
  bytes: number[];
  substitutes: number;
  line: string;
  level: number;
  inTable: boolean;
  cells: string[];
  table: Table;
  ready: string;
};

const UNSEEN =
  'colortbl stylesheet info pict object objdata filetbl listtable listoverridetable revtbl rsidtbl generator themedata ' +
  'colorschememapping datastore latentstyles xmlnstbl fldinst bkmkstart bkmkend nonshppict atnid atnauthor atndate';
/** Optional groups that a reader sees. */
const SEEN = new Set('shppict shpinst shptxt annotation atnparent'.split(' '));
const CHARACTERS: Record<string, string> = {
  tab: '\t',
  line: '\n',
  emdash: '—',
  endash: '–',
  emspace: ' ',
  enspace: ' ',
  bullet: '•',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
  '~': '\u00a0',
  _: '-',
  '{': '{',
  '}': '}',
  '\\': '\\',
};
/** Code pages by the character sets of fonts. */
const CHARSETS = new Map(
  [
    [77, 10_000],
    [128, 932],
    [129, 949],
    [134, 936],
    [136, 950],
    [161, 1253],
    [162, 1254],
    [163, 1258],
    [177, 1255],
    [178, 1256],
    [186, 1257],
    [204, 1251],
    [222, 874],
    [238, 1250],
  ].map(([set = 0, page = 0]) => [set, page]),
);
const ENCODINGS: Record<number, string> = {
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  10_000: 'macintosh',
  65_001: 'utf-8',
};
const TOKEN = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z'])|([{}])|([^\\{}\r\n]+)/gi;

const WORDS: Record<string, (state: State, value: number) => void> = {
  ...Object.fromEntries(UNSEEN.split(' ').map((name) => [name, leaveOut])),
  par: endParagraph,
  sect: endParagraph,
  page: endParagraph,
  '\n': endParagraph,
  '\r': endParagraph,
  cell: endCell,
  row: endRow,
  '*': ({ group }) => {
    group.optional = true;
  },
  u(state, value) {
    write(state, String.fromCharCode(value & 0xffff));
    state.substitutes = state.group.substitutes;
  },
  uc: ({ group }, value) => {
    group.substitutes = value;
  },
  ansicpg: ({ group }, value) => {
    group.page = value;
  },
  pard(state) {
    [state.inTable, state.level] = [false, 0];
  },
  intbl(state) {
    state.inTable = true;
  },
  outlinelevel(state, value) {
    state.level = value + 1;
  },
  v: ({ group }, value) => {
    group.unseen ||= value !== 0;
  },
  deleted: ({ group }, value) => {
    group.unseen ||= value !== 0;
  },
  fonttbl(state) {
    state.inFonts = true;
    leaveOut(state);
  },
  f(state, value) {
    state.font = value;
    if (!state.inFonts) state.group.page = state.fonts.get(value) ?? state.group.page;
  },
  fcharset({ inFonts, fonts, font }, value) {
    const page = CHARSETS.get(value);
    if (inFonts && page !== undefined) fonts.set(font, page);
  },
};

export async function* readRtf(bytes: Buffer): AsyncGenerator<Piece> {
  const source = bytes.toString('latin1');
  if (!source.startsWith('{\\rtf')) {
    throw new DocumentError('invalid_file', 'The file is not a document of rich text (.rtf).');
  }
  const state = begin();
  const token = new RegExp(TOKEN);
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    const [, name, value, hex, sign, brace, plain = ''] = match;
    if (name === 'bin') token.lastIndex += Math.max(0, Number(value ?? 0));
    else if (name !== undefined) word(state, name, Number(value ?? 1));
    else if (sign !== undefined) word(state, sign, 1);
    else if (hex !== undefined) addBytes(state, [Number.parseInt(hex, 16)]);
    else if (brace !== undefined) turn(state, brace);
    else addBytes(state, Buffer.from(plain, 'latin1'));
    if (state.ready !== '') yield { text: state.ready };
    state.ready = '';
  }
  endParagraph(state);
  yield { text: state.ready };
}

function begin(): State {
  return {
    group: { unseen: false, optional: false, page: 1252, substitutes: 1 },
    outer: [],
    fonts: new Map(),
    font: 0,
    inFonts: false,
    bytes: [],
    substitutes: 0,
    line: '',
    level: 0,
    inTable: false,
    cells: [],
    table: createTable(),
    ready: '',
  };
}

function word(state: State, name: string, value: number): void {
  decodeBytes(state);
  state.substitutes = 0;
  const { group } = state;
  if (group.optional && name !== '*') {
    if (!SEEN.has(name)) group.unseen = true;
    group.optional = false;
  }
  if (Object.hasOwn(WORDS, name)) WORDS[name]?.(state, value);
  else if (Object.hasOwn(CHARACTERS, name)) write(state, CHARACTERS[name] ?? '');
}

function turn(state: State, brace: string): void {
  decodeBytes(state);
  state.substitutes = 0;
  if (brace === '{') {
    state.outer.push(state.group);
    state.group = { ...state.group, optional: false };
    return;
  }
  state.group = state.outer.pop() ?? state.group;
  // The table of fonts is an unseen group within a seen one.
  if (!state.group.unseen) state.inFonts = false;
}

function leaveOut({ group }: State): void {
  group.unseen = true;
}

function addBytes(state: State, bytes: Iterable<number>): void {
  for (const byte of bytes) {
    if (state.substitutes > 0) state.substitutes -= 1;
    else if (!state.group.unseen) state.bytes.push(byte);
  }
}

function decodeBytes(state: State): void {
  if (state.bytes.length === 0) return;
  const { page } = state.group;
  const bytes = Uint8Array.from(state.bytes.splice(0));
  state.line += decoderOf(ENCODINGS[page] ?? `windows-${page}`).decode(bytes);
}

function decoderOf(name: string): TextDecoder {
  try {
    return new TextDecoder(name);
  } catch {
    return new TextDecoder('windows-1252');
  }
}

function write(state: State, text: string): void {
  if (!state.group.unseen) state.line += text;
}

function endParagraph(state: State): void {
  decodeBytes(state);
  if (state.group.unseen) return;
  if (state.inTable) {
    state.line += ' ';
    return;
  }
  const text = state.level > 0 ? heading(state.level, state.line) : `${state.line}\n`;
  state.ready += state.table.end() + text;
  state.line = '';
}

function endCell(state: State): void {
  state.cells.push(state.line);
  state.line = '';
}

function endRow(state: State): void {
  state.ready += state.table.row(state.cells.splice(0).map((text) => ({ text })));
}
