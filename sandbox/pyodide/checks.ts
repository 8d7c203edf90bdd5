/** The checks that a new kernel must pass: each cell fails unless its guarantee holds. */
import type { Canaries, Check } from '../probe.ts';

/** Code in a cell can run any JavaScript, so JavaScript must be confined. */
export function pyodideChecks({ file, port }: Canaries): Check[] {
  const path = JSON.stringify(file);
  return [
    {
      guarantee: 'reads no files of the host but its own program',
      code: refused([
        `Deno.readTextFileSync(${path})`,
        `Deno.readDirSync("/").next()`,
        `Deno.statSync("/etc/passwd")`,
        `Deno.readTextFileSync("/proc/self/environ")`,
        `process.getBuiltinModule("fs").readFileSync(${path})`,
        `import("node:module").then((m) => m.createRequire("file:///")(${path}))`,
      ]),
    },
    {
      guarantee: 'writes nothing to the disk of the host',
      code: refused([
        `Deno.writeTextFileSync(${JSON.stringify(`${file}.written`)}, "x")`,
        `Deno.makeTempFileSync()`,
        `caches.open("x").then((cache) => cache.put("http://x/", new Response("x")))`,
        `import("node:sqlite").then((m) => new m.DatabaseSync(${JSON.stringify(`${file}.db`)}))`,
      ]),
    },
    {
      guarantee: 'sees no environment of the host',
      code: refused([`Deno.env.toObject()`, `process.env.PATH`, `Deno.hostname()`, `Deno.uid()`]),
    },
    {
      guarantee: 'has no network',
      code: refused([
        `Deno.connect({ port: ${port} })`,
        `fetch("http://127.0.0.1:${port}/")`,
        `Deno.listen({ port: 0 })`,
        `Deno.resolveDns("localhost", "A")`,
        `import("http://127.0.0.1:${port}/x.mjs")`,
        `import("https://esm.sh/x")`,
      ]),
    },
    {
      guarantee: 'starts no programs and loads no native code of the host',
      code: refused([
        `new Deno.Command("/bin/true").outputSync()`,
        `process.getBuiltinModule("child_process").execSync("true")`,
        `Deno.kill(Deno.ppid, "SIGCONT")`,
        `Deno.dlopen("libc.so.6", {})`,
      ]),
    },
    {
      guarantee: 'reaches no graphics processor and none of its drivers',
      code: refused([`navigator.gpu.requestAdapter()`, ADAPTER_OF_A_WORKER]),
    },
    { guarantee: 'limits memory', code: LIMITED },
  ];
}

/** A thread of its own, because what is deleted in one is there again in the next. */
const ADAPTER_OF_A_WORKER = `new Promise((resolve, reject) => {
  const ask = 'navigator.gpu.requestAdapter().then((found) => postMessage(found !== null), () => postMessage(false))';
  const url = URL.createObjectURL(new Blob([ask], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module' });
  worker.onmessage = ({ data }) => { worker.terminate(); data ? resolve() : reject(new Error('none')); };
  worker.onerror = (event) => { event.preventDefault(); reject(new Error('no thread')); };
})`;

/** Threats that remain when all checks pass, with and without bubblewrap around Deno. */
export function limitationsOf(enclosed: boolean): string[] {
  return [
    enclosed
      ? 'a flaw in V8 or in the permissions of Deno leaves bubblewrap alone around the code'
      : 'one wall: a flaw in V8 or in the permissions of Deno gives code the rights of the account that runs it',
    'processor and cache side channels',
  ];
}

function refused(expressions: string[]): string {
  return `
from pyodide.code import run_js
for expression in ${JSON.stringify(expressions)}:
    try:
        await run_js('(async () => await (' + expression + '))()')
    except Exception:
        continue
    raise AssertionError(expression + ' was allowed')
`;
}

const LIMITED = `
try:
    bytearray(2**31 - 2**16)
except MemoryError:
    pass
else:
    raise AssertionError('two gigabytes were given')
`;

/** The version of Python. Packages are known from their wheels. */
export const INVENTORY = `
import json, platform
print(json.dumps({'python': platform.python_version(), 'packages': []}))
`;
