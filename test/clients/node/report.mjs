/**
 * Runs checks beside each other and prints a line for each: `ok NAME`, or `not ok NAME: ` and the reason as JSON.
 * A check fails by throwing.
 */
export async function runChecks(checks) {
  await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await check();
        console.log(`ok ${name}`);
      } catch (error) {
        console.log(`not ok ${name}: ${JSON.stringify(String(error.stack ?? error))}`);
      }
    }),
  );
}
