/** Prints the snapshot from which later starts load. */
/* global Deno */
import { loadInterpreter } from './interpreter.mjs';

const python = await loadInterpreter({ makeSnapshot: true });
const snapshot = python.makeMemorySnapshot();
for (let at = 0; at < snapshot.length;) at += Deno.stdout.writeSync(snapshot.subarray(at));
