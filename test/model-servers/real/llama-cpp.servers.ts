import { checkModelServer } from './checks.ts';
import { startLlama } from './servers.ts';

checkModelServer(async () => {
  const llama = await startLlama();
  return {
    server: llama,
    llama,
    model: 'smollm2',
    unknownModel: undefined,
    wrongKey: /refused the configured key/,
  };
});
