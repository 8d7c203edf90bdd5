/** The whole table. */
import type { Row } from '../row.ts';
import { azure } from './azure.ts';
import { llamaCpp } from './llama-cpp.ts';
import { mistral } from './mistral.ts';
import { ollama } from './ollama.ts';
import { openai } from './openai.ts';
import { sglang } from './sglang.ts';
import { vllm } from './vllm.ts';

const SERVERS: Record<string, Row[]> = {
  OpenAI: openai,
  'Azure OpenAI': azure,
  Ollama: ollama,
  vLLM: vllm,
  SGLang: sglang,
  'llama.cpp': llamaCpp,
  Mistral: mistral,
};

export const ROWS: (Row & { server: string })[] = Object.entries(SERVERS).flatMap(
  ([server, rows]) => rows.map((row) => ({ ...row, server })),
);
