/**
 * Between host and Python: passes frames and output on, and keeps the time, which needs a thread that is not busy.
 * stdin begins with a secret of 16 bytes, then come frames: u32 header length, u32 body length (big endian), JSON
 * header, raw body. stdout takes packets: the secret, u8 channel (1 output, 2 frames), u32 length, bytes. Code in a
 * cell can write to stdout too, but does not know the secret.
 */
/* global Deno */

const SECRET_BYTES = 16;
const CHANNELS = { output: 1, frames: 2 };
/** SIGUSR2: cells may use SIGINT as they like. */
const LIMIT_SIGNAL = 12;
/** After its limit the cell is interrupted this often, because code may catch the first interruptions. */
const INTERRUPT_EVERY_MS = 500;

const stdin = Deno.stdin.readable.getReader();
const decoder = new TextDecoder();
let pending = new Uint8Array(0);
let timer;

const secret = await readExactly(SECRET_BYTES);
const shared = new Int32Array(new SharedArrayBuffer(8));
const worker = new Worker(new URL('worker.mjs', import.meta.url), { type: 'module' });
worker.addEventListener('error', (event) => fatal(event.message));
worker.addEventListener('message', ({ data }) => onMessage(data));
worker.postMessage({ t: 'start', shared: shared.buffer });

for (;;) {
  const sizes = new DataView((await readExactly(8)).buffer);
  const header = decoder.decode(await readExactly(sizes.getUint32(0)));
  const body = await readExactly(sizes.getUint32(4));
  worker.postMessage({ t: 'request', header, body }, [body.buffer]);
}

function onMessage({ t, bytes, milliseconds, text }) {
  if (t === 'fatal') fatal(text);
  else if (t === 'limit') limit(milliseconds);
  else if (Object.hasOwn(CHANNELS, t) && bytes instanceof Uint8Array) pass(CHANNELS[t], bytes);
}

function limit(milliseconds) {
  clearTimeout(timer);
  Atomics.store(shared, 0, 0);
  if (milliseconds > 0) timer = setTimeout(interrupt, milliseconds);
}

function interrupt() {
  Atomics.store(shared, 0, LIMIT_SIGNAL);
  Atomics.notify(shared, 0);
  worker.postMessage({ t: 'interrupt' });
  timer = setTimeout(interrupt, INTERRUPT_EVERY_MS);
}

function pass(channel, bytes) {
  const packet = new Uint8Array(SECRET_BYTES + 5 + bytes.length);
  packet.set(secret);
  const head = new DataView(packet.buffer, SECRET_BYTES);
  head.setUint8(0, channel);
  head.setUint32(1, bytes.length);
  packet.set(bytes, SECRET_BYTES + 5);
  for (let at = 0; at < packet.length;) at += Deno.stdout.writeSync(packet.subarray(at));
  Atomics.sub(shared, 1, bytes.length);
  Atomics.notify(shared, 1);
}

function fatal(text) {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
  Deno.exit(70);
}

/** Ends the process when the host is gone. */
async function readExactly(count) {
  const data = new Uint8Array(count);
  for (let filled = 0; filled < count;) {
    if (pending.length === 0) {
      const { done, value } = await stdin.read();
      if (done) Deno.exit(0);
      pending = value;
    }
    const part = pending.subarray(0, count - filled);
    data.set(part, filled);
    filled += part.length;
    pending = pending.subarray(part.length);
  }
  return data;
}
