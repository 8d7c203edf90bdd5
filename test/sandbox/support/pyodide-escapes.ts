/** Ways out of Pyodide in Deno: whatever JavaScript can try, and what Python has of its own. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Canaries } from './canaries.ts';
import { openCanaries } from './canaries.ts';

/** Canaries, and more of the host that a cell must not come near. */
export type Targets = Canaries & {
  /** A JSON text with the token, readable for everyone. */
  json: string;
  /** Everyone may write there; nothing may appear in it. */
  writable: string;
};

export async function openTargets(): Promise<Targets> {
  const canaries = await openCanaries();
  const json = join(canaries.folder, 'canary.json');
  await writeFile(json, JSON.stringify(canaries.token), { mode: 0o644 });
  const writable = join(canaries.folder, 'writable');
  await mkdir(writable);
  await chmod(writable, 0o777);
  return { ...canaries, json, writable };
}

/** `javascript` is an expression; `python` are lines that set `value`. They fail, or their value shows no escape. */
export type Attempt = { name: string; patienceMs?: number } & (
  { javascript: string } | { python: string }
);

/** A cell that prints 'refused …', or 'ESCAPED …' when the attempt gave something. */
export function cellOf(attempt: Attempt): string {
  const body =
    'python' in attempt
      ? attempt.python
      : `from pyodide.code import run_js\nvalue = await run_js(${JSON.stringify(inTime(attempt.javascript, attempt.patienceMs))})`;
  const indented = body.replaceAll('\n', '\n    ');
  return `
import js, pyodide_js
js.globalThis.__pyodide = pyodide_js
try:
    value = None
    ${indented}
except BaseException as error:
    print('refused', type(error).__name__, str(error)[:200])
else:
    print('ESCAPED' if value else 'refused without an error', repr(value)[:200])
`;
}

/** Only a value that tells something is an escape; most of what has not happened after a second will not. */
function inTime(expression: string, patienceMs = 1_000): string {
  return `(async () => {
    const failed = new Promise((_, reject) => setTimeout(() => reject(new Error('nothing happened')), ${patienceMs}));
    const value = await Promise.race([(async () => await (${expression}))(), failed]);
    return value === undefined || value === null ? 'done' : String(value);
  })()`;
}

/** Imports a module of Node and uses it as `m`. */
function node(name: string, use: string): string {
  return `import('node:${name}').then((module) => { const m = module.default ?? module; return ${use}; })`;
}

function javascript(attempts: Record<string, string>): Attempt[] {
  return Object.entries(attempts).map(([name, code]) => ({ name, javascript: code }));
}

function python(attempts: Record<string, string>): Attempt[] {
  return Object.entries(attempts).map(([name, code]) => ({ name, python: code }));
}

function readingAttempts({ json: file }: Targets): Attempt[] {
  const path = JSON.stringify(file);
  const url = JSON.stringify(`file://${file}`);
  const worker = (source: string, options: string) =>
    `new Promise((resolve, reject) => {
      const url = URL.createObjectURL(new Blob([${JSON.stringify(source)}], { type: 'text/javascript' }));
      const worker = new Worker(url, ${options});
      worker.onmessage = ({ data }) => data.error ? reject(new Error(data.error)) : resolve(data.text);
      worker.onerror = (event) => { event.preventDefault(); reject(new Error(event.message)); };
    })`;
  const readInWorker = `try { postMessage({ text: Deno.readTextFileSync(${path}) }); } catch (error) { postMessage({ error: error.message }); }`;
  return javascript({
    'read a file': `Deno.readTextFileSync(${path})`,
    'read a file later': `Deno.readTextFile(${path})`,
    'open a file': `Deno.openSync(${path}).statSync().size`,
    'read a file as Node does': node('fs', `m.readFileSync(${path}, 'utf8')`),
    'read a file through a built-in module': `process.getBuiltinModule('fs').readFileSync(${path}, 'utf8')`,
    'read a file as a blob': node('fs', `m.openAsBlob(${path}).then((blob) => blob.text())`),
    'read a file through its URL': `fetch(${url}).then((response) => response.text())`,
    'read a file around the folder it may read': `Deno.readTextFileSync(Deno.cwd() + '/../../../../../../..' + ${path})`,
    'require a built-in module from elsewhere': node(
      'module',
      `m.createRequire('file:///')('fs').readFileSync(${path}, 'utf8')`,
    ),
    'require a file': node('module', `JSON.stringify(m.createRequire('file:///')(${path}))`),
    'import a file as JSON': `import(${url}, { with: { type: 'json' } }).then((m) => JSON.stringify(m.default))`,
    'import a file as text': `import(${url}, { with: { type: 'text' } }).then((m) => m.default)`,
    'import a file as code': `import(${url})`,
    'import a file by a static import of a data URL': `import('data:text/javascript,' + encodeURIComponent('import x from "file://${file}" with { type: "json" }; export default JSON.stringify(x)')).then((m) => m.default)`,
    'import a file by a static import of a worker': worker(
      `import x from "file://${file}" with { type: "json" }; postMessage({ text: JSON.stringify(x) });`,
      `{ type: 'module' }`,
    ),
    'read a file in another worker': worker(readInWorker, `{ type: 'module' }`),
    'read a file in a worker with more rights': worker(
      readInWorker,
      `{ type: 'module', deno: { permissions: { read: true } } }`,
    ),
    'read a file in a worker of Node': node(
      'worker_threads',
      `new Promise((resolve, reject) => {
        const worker = new m.Worker("require('worker_threads').parentPort.postMessage(require('fs').readFileSync(" + ${JSON.stringify(path)} + ", 'utf8'))", { eval: true });
        worker.on('message', resolve); worker.on('error', reject);
      })`,
    ),
    'open a file as a database': node('sqlite', `new m.DatabaseSync(${path})`),
    'attach a file to a database': node(
      'sqlite',
      `new m.DatabaseSync(':memory:').exec('attach ' + "'" + ${path} + "'" + ' as x')`,
    ),
    'load an extension into a database': node(
      'sqlite',
      `new m.DatabaseSync(':memory:', { allowExtension: true }).loadExtension(${path})`,
    ),
    'see that a file is there': node(
      'fs',
      `m.existsSync(${path}) || Promise.reject(new Error('not seen'))`,
    ),
    'list the root folder': `[...Deno.readDirSync('/')].length`,
    'list the folder beside its own': `[...Deno.readDirSync(Deno.cwd() + '/..')].length`,
    'look at a folder': `Deno.statSync('/etc').isDirectory`,
    'watch a folder': `Deno.watchFs('/etc')`,
    'go to another folder': `Deno.chdir('/')`,
    'read the list of accounts': `Deno.readTextFileSync('/etc/passwd')`,
    'read its environment from /proc': `Deno.readTextFileSync('/proc/self/environ')`,
    'read its command line from /proc': `Deno.readTextFileSync('/proc/self/cmdline')`,
    'read its memory': `Deno.openSync('/proc/self/mem').readSync(new Uint8Array(8))`,
    'open its pipes again': `Deno.openSync('/proc/self/fd/1', { write: true })`,
    'follow a link of /proc': `Deno.readLinkSync('/proc/self/exe')`,
    'read a device': `Deno.readFileSync('/dev/urandom').length`,
    'read the descriptor after the last': node('fs', `m.readSync(3, new Uint8Array(8))`),
    'mount the root folder': `(({ FS }) => { FS.mkdirTree('/host'); FS.mount(FS.filesystems.NODEFS, { root: '/' }, '/host'); return FS.readdir('/host').join(); })(globalThis.__pyodide)`,
    'mount the root folder by the function for it': `globalThis.__pyodide.mountNodeFS('/host2', '/')`,
    'load a file as a package': `globalThis.__pyodide.loadPackage(${url}).then((all) => all.length || Promise.reject(new Error('no package')))`,
    'give a folder to WASI': node(
      'wasi',
      `new m.WASI({ version: 'preview1', preopens: { '/': '/' } })`,
    ),
  });
}

function writingAttempts({ writable: folder }: Targets): Attempt[] {
  const path = (name: string) => JSON.stringify(`${folder}/${name}`);
  return javascript({
    'write a file': `Deno.writeTextFileSync(${path('a')}, 'x')`,
    'write a file as Node does': node('fs', `m.writeFileSync(${path('b')}, 'x')`),
    'write a file of its own program': `Deno.writeTextFileSync(Deno.cwd() + '/worker.mjs', '')`,
    'remove a file of its own program': `Deno.removeSync(Deno.cwd() + '/worker.mjs')`,
    'make a file in the temporary folder': `Deno.makeTempFileSync()`,
    'make a folder': `Deno.mkdirSync(${path('c')})`,
    'make a link': `Deno.symlinkSync('/etc/passwd', ${path('d')})`,
    'move a file': `Deno.renameSync(Deno.cwd() + '/worker.mjs', ${path('e')})`,
    'change rights': `Deno.chmodSync(${JSON.stringify(folder)}, 0)`,
    'write into the cache': `caches.open('x').then((cache) => cache.put('http://x/', new Response('x')))`,
    'write into the local storage': `localStorage.setItem('a', 'b')`,
    'open a key-value store': `Deno.openKv(${path('f')})`,
    'make a database': node('sqlite', `new m.DatabaseSync(${path('g')})`),
    'copy a database': node(
      'sqlite',
      `new m.DatabaseSync(':memory:').exec("vacuum into '${folder}/h'")`,
    ),
    'write a picture of the heap': node('v8', `m.writeHeapSnapshot(${path('i')})`),
    'write a report': `process.report.writeReport(${path('j')}) || Promise.reject(new Error('none written'))`,
    'make a named pipe for output': `Deno.openSync('/dev/stdout', { write: true })`,
  });
}

function networkAttempts({ port, socket, abstractName: abstract }: Targets): Attempt[] {
  const host = `127.0.0.1:${port}`;
  return [
    ...javascript({
      fetch: `fetch('http://${host}/').then((response) => response.status)`,
      'open a web socket': `new Promise((resolve, reject) => { const s = new WebSocket('ws://${host}'); s.onopen = resolve; s.onerror = (event) => { event.preventDefault(); reject(new Error(event.message)); }; })`,
      'open a stream of events': `new Promise((resolve, reject) => { const s = new EventSource('http://${host}'); s.onopen = resolve; s.onerror = () => { s.close(); reject(new Error('no')); }; })`,
      connect: `Deno.connect({ port: ${port} })`,
      'connect to the internet': `Deno.connect({ hostname: '1.1.1.1', port: 80 })`,
      'connect over IPv6': `Deno.connect({ hostname: '::1', port: ${port} })`,
      'connect securely': `Deno.connectTls({ hostname: '127.0.0.1', port: ${port} })`,
      'connect to a unix socket': `Deno.connect({ transport: 'unix', path: ${JSON.stringify(socket)} })`,
      'connect to a unix socket without a path': `Deno.connect({ transport: 'unix', path: '\\0${abstract}' })`,
      'connect as Node does': node(
        'net',
        `new Promise((resolve, reject) => m.connect(${port}, '127.0.0.1').on('connect', resolve).on('error', reject))`,
      ),
      'connect to a unix socket as Node does': node(
        'net',
        `new Promise((resolve, reject) => m.connect(${JSON.stringify(socket)}).on('connect', resolve).on('error', reject))`,
      ),
      'request as Node does': node(
        'http',
        `new Promise((resolve, reject) => m.get('http://${host}', resolve).on('error', reject))`,
      ),
      'request by HTTP/2': node(
        'http2',
        `new Promise((resolve, reject) => m.connect('http://${host}').on('connect', resolve).on('error', reject))`,
      ),
      'ask for an address': `Deno.resolveDns('example.com', 'A')`,
      'ask for an address as Node does': node('dns', `m.promises.lookup('localhost')`),
      listen: `Deno.listen({ port: 0 }).addr.port`,
      serve: `Deno.serve({ port: 0 }, () => new Response('')).addr.port`,
      'listen for datagrams': `Deno.listenDatagram({ port: 0, transport: 'udp' })`,
      'import over HTTP': `import('http://${host}/x.mjs')`,
      'import from esm.sh': `import('https://esm.sh/lodash')`,
      'import from deno.land': `import('https://deno.land/std/version.ts')`,
      'import from jsr': `import('jsr:@std/path')`,
      'import from npm': `import('npm:lodash')`,
      'import a worker over HTTP': `new Promise((resolve, reject) => { const w = new Worker('http://${host}/w.mjs', { type: 'module' }); w.onerror = (event) => { event.preventDefault(); reject(new Error(event.message)); }; })`,
    }),
    ...python({
      'connect from Python': `import socket\ns = socket.create_connection(('127.0.0.1', ${port}), 2)\nvalue = s.recv(100)`,
      'request from Python': `import urllib.request\nvalue = urllib.request.urlopen('http://${host}/', timeout=2).read()`,
      'request through Pyodide': `from pyodide.http import pyfetch\nvalue = (await pyfetch('http://${host}/')).status`,
      'connect through asyncio': `import asyncio\nvalue = await asyncio.wait_for(asyncio.open_connection('127.0.0.1', ${port}), 2)`,
    }),
  ];
}

function systemAttempts({ json: file, variable }: Targets): Attempt[] {
  const wish = (name: string) =>
    `Deno.permissions.request({ name: '${name}' }).then(({ state }) => state === 'granted' || Promise.reject(new Error(state)))`;
  return [
    ...javascript({
      'read the environment': `JSON.stringify(Deno.env.toObject())`,
      'read the environment as Node does': `JSON.stringify({ ...process.env })`,
      'read one variable': `process.env.PATH`,
      'set a variable': `Deno.env.set('LD_PRELOAD', '/x')`,
      'run a program': `new Deno.Command('/usr/bin/id').outputSync().code`,
      'run a program as Node does': node('child_process', `m.execSync('id').toString()`),
      'spawn a program as Node does': node(
        'child_process',
        `new Promise((resolve, reject) => m.spawn('/usr/bin/id').on('spawn', resolve).on('error', reject))`,
      ),
      'fork a cluster': node('cluster', `m.fork()`),
      'signal its parent': `Deno.kill(Deno.ppid, 'SIGCONT')`,
      'signal its parent as Node does': `process.kill(process.ppid, 0)`,
      'load a library': `Deno.dlopen('libc.so.6', {})`,
      'load a library as Node does': `process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6')`,
      'load a native module': node(
        'module',
        `m.createRequire('file:///')(${JSON.stringify(file.replace(/\.json$/, '.node'))})`,
      ),
      'ask for the name of the host': `Deno.hostname()`,
      'ask for the name of the host as Node does': node('os', `m.hostname()`),
      'ask for its user': `Deno.uid()`,
      'ask for its user as Node does': node('os', `m.userInfo()`),
      'become root': `process.setuid(0)`,
      'ask for the interfaces': `Deno.networkInterfaces()`,
      'ask for the release': `Deno.osRelease()`,
      'ask for the load': `Deno.loadavg()`,
      'ask for the memory': `Deno.systemMemoryInfo()`,
      'ask for the processors': node('os', `m.cpus().length`),
      'ask for the home folder': node('os', `m.homedir()`),
      'change a priority': node('os', `m.setPriority(process.ppid, 1)`),
      'change the mask of rights': `Deno.umask(0)`,
      'open an inspector': node('inspector', `m.open(0)`),
      'inspect itself': node('inspector', `new m.Session().connect()`),
      'wish for files': wish('read'),
      'wish for the network': wish('net'),
      'wish for programs': wish('run'),
      'wish for writing': wish('write'),
      'use an operation of the runtime': `Deno[Deno.internal].core.ops.op_fs_read_file_sync(${JSON.stringify(file)})`,
      'use an internal binding': `process.binding('fs').internalModuleReadJSON(${JSON.stringify(file)})`,
    }),
    ...python({
      'run a program from Python': `import os\nvalue = os.system('id') == 0`,
      'run a program by subprocess': `import subprocess\nvalue = subprocess.run(['id'], capture_output=True).stdout`,
      'fork from Python': `import os\nvalue = os.fork()`,
      'replace itself from Python': `import os\nos.execv('/bin/true', ['true'])`,
      'read a file from Python': `value = open(${JSON.stringify(file)}).read()`,
      'read /etc/passwd from Python': `value = open('/etc/passwd').read()`,
      'list home folders from Python': `import os\nvalue = [entry for entry in os.listdir('/home') if entry != 'pyodide' and entry != 'web_user']`,
      'read a variable from Python': `import os\nvalue = os.environ.get('${variable}')`,
      'start a thread from Python': `import threading\nthreading.Thread(target=print).start()`,
      'run a script of Emscripten': `import ctypes\nlibrary = ctypes.CDLL(None)\nlibrary.emscripten_run_script_string.restype = ctypes.c_char_p\nvalue = library.emscripten_run_script_string(b'Deno.readTextFileSync(' + ${JSON.stringify(JSON.stringify(file))}.encode() + b')')`,
    }),
  ];
}

/** No permission guards WebGPU: its drivers are native code of the host, which compile what they are given. */
function graphicsAttempts(): Attempt[] {
  const ask = (of: string) =>
    `${of}.requestAdapter().then((found) => found === null ? Promise.reject(new Error('none found')) : 'adapter')`;
  const inWorker = (source: string) =>
    `new Promise((resolve, reject) => {
      const url = URL.createObjectURL(new Blob([${JSON.stringify(`${source}.then(postMessage, () => postMessage(''))`)}], { type: 'text/javascript' }));
      const worker = new Worker(url, { type: 'module' });
      worker.onmessage = ({ data }) => data ? resolve(data) : reject(new Error('none found'));
    })`;
  return javascript({
    'use a graphics processor': ask('navigator.gpu'),
    'use a graphics processor from another thread': inWorker(ask('navigator.gpu')),
    'use a graphics processor in spite of a fallback': inWorker(
      ask('navigator.gpu').replace('()', '({ forceFallbackAdapter: true })'),
    ),
    'make a graphics processor from its prototype': ask('Object.create(GPU.prototype)'),
    // Drivers load slowly.
  }).map((attempt) => ({ ...attempt, patienceMs: 8_000 }));
}

export function attempts(targets: Targets): Attempt[] {
  const lists = [readingAttempts, writingAttempts, networkAttempts, systemAttempts];
  return [...lists.flatMap((list) => list(targets)), ...graphicsAttempts()];
}
