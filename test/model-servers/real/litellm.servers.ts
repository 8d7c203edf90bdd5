import { checkModelServer } from './checks.ts';
import { startLiteLlm, startLlama } from './servers.ts';

checkModelServer(async () => {
  const llama = await startLlama();
  return {
    server: await startLiteLlm(llama),
    llama,
    model: 'smol',
    unknownModel: /Invalid model name/,
    // Without a database of keys the proxy has no better answer.
    wrongKey: /No connected db/,
  };
});
