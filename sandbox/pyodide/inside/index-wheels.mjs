/** Prints which modules can be imported from the wheels, after importing each. */
/* global Deno */
import { loadInterpreter, readWheel, WHEELS } from './interpreter.mjs';

const python = await loadInterpreter();
const names = Array.from(Deno.readDirSync(WHEELS), ({ name }) => name);
python.setStdout({ batched: () => {} });
python.setStderr({ batched: () => {} });
const index = python.pyimport('wheels').index(python.toPy(names), readWheel);
const text = JSON.stringify(index.toJs({ dict_converter: Object.fromEntries }));
Deno.stdout.writeSync(new TextEncoder().encode(text));
