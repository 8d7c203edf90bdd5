/** Loads Python, from the snapshot of its memory if there is one: half a second instead of several. */
/* global Deno */
import { loadPyodide } from './pyodide.mjs';

const FOLDER = new URL('.', import.meta.url).pathname;
const SNAPSHOT = `${FOLDER}snapshot.bin`;
export const WHEELS = `${FOLDER}wheels/`;
/** Where the Python of ours lies, inside. Its modules are in the snapshot, their files are not. */
const SOURCES = '/opt/';

/** Python with our modules imported. */
export async function loadInterpreter({ makeSnapshot = false } = {}) {
  const snapshot = makeSnapshot ? undefined : readIfThere(SNAPSHOT);
  const python = await loadPyodide({
    indexURL: FOLDER,
    ...(makeSnapshot ? { _makeSnapshot: true } : {}),
    ...(snapshot === undefined ? {} : { _loadSnapshot: snapshot }),
  });
  writeSources(python.FS);
  if (snapshot === undefined) importModules(python);
  return python;
}

/** The modules that can be imported from each wheel, as JSON. */
export function readWheelIndex() {
  const index = readIfThere(`${FOLDER}wheels.json`);
  return index === undefined ? '{}' : new TextDecoder().decode(index);
}

export function readWheel(name) {
  return Deno.readFileSync(WHEELS + name);
}

function importModules(python) {
  const folder = JSON.stringify(SOURCES);
  python.runPython(`
import sys
sys.path.insert(0, ${folder})
import inside, wheels
sys.path.remove(${folder})
inside.import_what_cells_use()
`);
}

function writeSources(fs) {
  const folder = `${FOLDER}python/`;
  for (const path of filesBelow(folder)) {
    const target = SOURCES + path.slice(folder.length);
    fs.mkdirTree(target.slice(0, target.lastIndexOf('/')));
    fs.writeFile(target, Deno.readFileSync(path));
  }
}

function filesBelow(folder) {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}${name}/`) : [folder + name],
  );
}

function readIfThere(path) {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
