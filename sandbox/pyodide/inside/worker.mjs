/**
 * Runs Python, and in it everything the host asks for. Cells can reach and change all of this thread: whatever it
 * sends is for the host to check. Only the other thread (main.mjs) knows what makes a packet genuine.
 */
import process from 'node:process';
import { loadInterpreter, readWheel, readWheelIndex } from './interpreter.mjs';

const OUTPUT_BUFFER_BYTES = 16_384;
/** The first writes of a cell are sent at once, so that a cell that must be killed is seen as far as it got. */
const EAGER_WRITES = 20;
const FLUSH_EVERY_MS = 20;
/** Bytes the other thread may have waiting for the host. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
/** SIGUSR2: cells may use SIGINT as they like. */
const LIMIT_SIGNAL = 12;

const post = self.postMessage.bind(self);
const processorUsage = process.threadCpuUsage.bind(process);
const encoder = new TextEncoder();
const output = { data: new Uint8Array(OUTPUT_BUFFER_BYTES), length: 0, flushed: 0, eager: 0 };
let shared;
let server;

// What an error nobody caught leaves behind is the cell's own affair.
self.addEventListener('error', (event) => event.preventDefault());
self.addEventListener('unhandledrejection', (event) => event.preventDefault());
self.addEventListener('message', ({ data }) => {
  if (data.t === 'start') start(data.shared).catch(fatal);
  else if (data.t === 'request') handle(data).catch(fatal);
  else interruptWaiting();
});

// No wall, because other threads have it again: the environment of Deno is (launch.ts).
delete Object.getPrototypeOf(navigator).gpu;

async function start(buffer) {
  // [0]: the signal Python shall see next. [1]: bytes on their way to the host.
  shared = new Int32Array(buffer);
  const python = await loadInterpreter();
  python.setInterruptBuffer(shared.subarray(0, 1));
  python.setStdin({ stdin: () => undefined });
  python.setStdout({ write });
  python.setStderr({ write });
  redirectConsole();
  const wheels = { index: readWheelIndex(), read: readWheel };
  server = python
    .pyimport('inside')
    .serve({ send, sleep, interruptAfter, processorSeconds, wheels });
  send('{"t":"ready"}');
}

async function handle({ header, body }) {
  output.eager = EAGER_WRITES;
  await server.handle.callPromising(header, body);
  flush();
}

/** Python that waits for a promise runs nothing that would see the signal. */
function interruptWaiting() {
  if (Atomics.exchange(shared, 0, 0) === LIMIT_SIGNAL) server.cancel_tasks();
}

/** 0: not any more. */
function interruptAfter(milliseconds) {
  post({ t: 'limit', milliseconds });
}

/** Of this thread. */
function processorSeconds() {
  const { user, system } = processorUsage();
  return (user + system) / 1_000_000;
}

function fatal(error) {
  flush();
  post({ t: 'fatal', text: String(error?.stack ?? error).slice(0, 2_000) });
}

/** `body`: what Python passes, a proxy of bytes. */
function send(header, body) {
  flush();
  const head = encoder.encode(header);
  const tail = body === undefined ? new Uint8Array(0) : body.toJs();
  const frame = new Uint8Array(8 + head.length + tail.length);
  const sizes = new DataView(frame.buffer);
  sizes.setUint32(0, head.length);
  sizes.setUint32(4, tail.length);
  frame.set(head, 8);
  frame.set(tail, 8 + head.length);
  body?.destroy?.();
  pass('frames', frame);
}

function pass(channel, bytes) {
  const unsent = Atomics.add(shared, 1, bytes.length) + bytes.length;
  if (unsent > MAX_UNSENT_BYTES) waitUntilSent();
  post({ t: channel, bytes }, [bytes.buffer]);
}

function waitUntilSent() {
  for (;;) {
    const unsent = Atomics.load(shared, 1);
    if (unsent <= MAX_UNSENT_BYTES) return;
    Atomics.wait(shared, 1, unsent);
  }
}

/** Both streams of Python, so their order is that of the writes. `bytes` is a view of Python's memory. */
function write(bytes) {
  for (let rest = bytes; rest.length > 0;) {
    const part = rest.subarray(0, OUTPUT_BUFFER_BYTES - output.length);
    output.data.set(part, output.length);
    output.length += part.length;
    rest = rest.subarray(part.length);
    if (output.length === OUTPUT_BUFFER_BYTES) flush();
  }
  output.eager -= 1;
  if (output.eager >= 0 || performance.now() - output.flushed > FLUSH_EVERY_MS) flush();
  return bytes.length;
}

function flush() {
  output.flushed = performance.now();
  if (output.length === 0) return;
  const bytes = output.data.slice(0, output.length);
  output.length = 0;
  pass('output', bytes);
}

/** Wakes up early when Python has a signal to see. */
function sleep(milliseconds) {
  flush();
  Atomics.wait(shared, 0, 0, milliseconds);
}

/** By itself the console writes between the packets. */
function redirectConsole() {
  const print = (...values) => void write(encoder.encode(`${values.map(String).join(' ')}\n`));
  for (const name of Object.keys(console)) {
    if (typeof console[name] === 'function') console[name] = () => {};
  }
  for (const name of ['log', 'info', 'warn', 'error', 'debug']) console[name] = print;
}
