/** Returns a function that runs work in the order it is given, at most `most` at a time. */
export function pooled(most: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      // The place passes to the next one directly: counted down and up, a newcomer could slip between.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
