/** Runs where a parser runs and takes what the first line of its input says, for as long as it is let. */
const kept: unknown[] = [];

process.stdin.once('data', (line) => {
  const what = String(line).trim();
  if (what === 'time') for (;;);
  if (what === 'heap') for (;;) kept.push({ a: [kept.length] });
  for (;;) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
});
