/**
 * Starts a process that parses files. What strangers wrote is read there: without environment, without the right to
 * read other files than its own code, to write any, or to start anything, and with memory and time that end.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import type { ParseLimits } from './document.ts';
import { readMessages } from './messages.ts';
import type { ParserMessage } from './messages.ts';

export type ParserProcess = ChildProcessByStdio<Writable, Readable, Readable>;

export type Parser = {
  process: ParserProcess;
  /** Of all its files, one after the other. Throws BadMessageError. */
  messages: AsyncGenerator<ParserMessage>;
  /** Whether it has parsed a file before. */
  used: boolean;
  /** What it has written to its standard error. Ours is empty: the runtime writes there when it breaks down. */
  complaint(): string;
  /** Resolves when it has ended by itself, or was. */
  closed: Promise<void>;
  end(): Promise<void>;
};

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ENTRY = fileURLToPath(new URL('parser/main.ts', import.meta.url));
/** The packages that parsing loads, with those they load. */
const PACKAGES =
  'gpt-tokenizer htmlparser2 domelementtype domhandler domutils dom-serializer entities numfmt postal-mime ' +
  '@embedpdf/pdfium bidi-js tesseract.js-core @tesseract.js-data word-extractor saxes xmlchars yauzl buffer-crc32 fd-slicer pend';
const READABLE = [
  'package.json',
  'retrieval/',
  ...PACKAGES.split(' ').map((name) => `node_modules/${name}/`),
];
/** Part of util-linux, which every Linux has that is not tiny. */
const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit'].find((path) => existsSync(path));
const MEBIBYTE = 1024 * 1024;
const MAX_COMPLAINT_CHARACTERS = 4_096;
/** Buffers lie outside the heap; both together are bounded by the kernel. */
const HEAP_SHARE = 0.6;
/** The kernel also counts what Node 24 reserves and never uses. */
const RESERVED_BYTES = 560 * MEBIBYTE;

/** A process that waits for its first file, with what it says and how it ends. */
export function startParser(limits: ParseLimits, entry?: string): Parser {
  const child = startProcess(limits, entry);
  const closed = once(child, 'close').then(
    () => {},
    () => {},
  );
  // What it was sent and did not read is no error: what it has said, or how it ended, tells why.
  child.stdin.on('error', () => {});
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MAX_COMPLAINT_CHARACTERS) said += text.slice(0, MAX_COMPLAINT_CHARACTERS);
  });
  return {
    process: child,
    messages: readMessages(child.stdout),
    used: false,
    complaint: () => said.trim(),
    closed,
    end() {
      child.kill('SIGKILL');
      child.stdout.destroy();
      return closed;
    },
  };
}

/**
 * Its working directory is `/`, and only its three standard streams are shared. What Node 24's permissions leave open are
 * sockets and signals, which no code of ours or of a parser uses, and code in a file cannot reach: none is ever run.
 */
export function startProcess(
  { memoryBytes, cpuSeconds }: Pick<ParseLimits, 'memoryBytes' | 'cpuSeconds'>,
  entry = ENTRY,
): ParserProcess {
  const node = [
    process.execPath,
    '--permission',
    ...READABLE.map((path) => `--allow-fs-read=${ROOT}${path}`),
    '--disallow-code-generation-from-strings',
    '--disable-proto=delete',
    '--no-warnings',
    `--max-old-space-size=${Math.ceil((memoryBytes * HEAP_SHARE) / MEBIBYTE)}`,
    entry,
  ];
  // Past the first number it gets SIGXCPU, past the second SIGKILL.
  const limits = [
    `--data=${memoryBytes + RESERVED_BYTES}`,
    `--cpu=${cpuSeconds}:${cpuSeconds + 1}`,
    '--core=0',
    '--fsize=0',
  ];
  const [command = '', ...args] =
    PRLIMIT === undefined ? node : [PRLIMIT, ...limits, '--', ...node];
  const parser = spawn(command, args, { cwd: '/', env: {}, stdio: 'pipe' });
  yieldToOthers(parser.pid);
  return parser;
}

/** Files can wait: requests of clients go first. */
function yieldToOthers(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already.
  }
}
