/** npm run bench [-- lists | overhead | stream | memory | cancel | recovery | sandbox | abuse | vector | row-security | ingest | tenants | batch | batch-control | batch-faults]: all of them when none is named. */
import { closeConnections } from './http.ts';

const BENCHES = {
  overhead: async () => (await import('./overhead.ts')).overhead(),
  stream: async () => (await import('./stream.ts')).streamBench(),
  memory: async () => (await import('./memory.ts')).memory(),
  cancel: async () => (await import('./cancel.ts')).cancel(),
  recovery: async () => (await import('./recovery.ts')).recovery(),
  sandbox: async () => (await import('./sandbox.ts')).sandboxBench(),
  abuse: async () => (await import('./abuse.ts')).abuse(),
  vector: async () => (await import('./vector.ts')).vectorBench(),
  'row-security': async () => (await import('./row-security.ts')).rowSecurity(),
  ingest: async () => (await import('./ingest.ts')).ingestBench(),
  batch: async () => (await import('./batch.ts')).batchBench(),
  'batch-control': async () => (await import('./batch-control.ts')).batchControl(),
  lists: async () => (await import('./lists.ts')).lists(),
  'batch-faults': async () => (await import('./batch-faults/bench.ts')).batchFaults(),
  loop: async () => (await import('./loop.ts')).loop(),
  tenants: async () => (await import('./tenants.ts')).tenants(),
};

const names = process.argv.slice(2);
const known = Object.keys(BENCHES);
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`There is no bench '${unknown}': choose from ${known.join(', ')}.`);
  process.exit(1);
}
for (const name of names.length === 0 ? known : names) {
  console.log(`\n${name}`);
  await BENCHES[name as keyof typeof BENCHES]();
}
closeConnections();
