/** Stands for a parser whose last file has left something running: it has answered, and is never ready. */
import { once } from 'node:events';

await once(process.stdin, 'data');
process.stdout.write('{"done":true}\n');
setInterval(() => {}, 1_000);
