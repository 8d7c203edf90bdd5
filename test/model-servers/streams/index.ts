/** The whole table. */
import type { Row } from '../row.ts';
import { anthropic } from './anthropic.ts';
import { azure } from './azure.ts';
import { bedrock } from './bedrock.ts';
import { cerebras } from './cerebras.ts';
import { cloudflare } from './cloudflare.ts';
import { cohere } from './cohere.ts';
import { databricks } from './databricks.ts';
import { deepSeek } from './deepseek.ts';
import { exo } from './exo.ts';
import { fireworks } from './fireworks.ts';
import { gemini } from './gemini.ts';
import { gitHubModels } from './github-models.ts';
import { groq } from './groq.ts';
import { liteLlm } from './litellm.ts';
import { llamaCpp } from './llama-cpp.ts';
import { lmStudio } from './lm-studio.ts';
import { miniMax } from './minimax.ts';
import { mistral } from './mistral.ts';
import { moonshot } from './moonshot.ts';
import { nim } from './nim.ts';
import { ollama } from './ollama.ts';
import { openai } from './openai.ts';
import { openRouter } from './openrouter.ts';
import { others } from './others.ts';
import { qwen } from './qwen.ts';
import { sglang } from './sglang.ts';
import { webui } from './text-generation-webui.ts';
import { tgi } from './tgi.ts';
import { together } from './together.ts';
import { vllm } from './vllm.ts';
import { xai } from './xai.ts';
import { zhipu } from './zhipu.ts';

const SERVERS: Record<string, Row[]> = {
  OpenAI: openai,
  'Azure OpenAI': azure,
  Ollama: ollama,
  vLLM: vllm,
  SGLang: sglang,
  'llama.cpp': llamaCpp,
  'LM Studio': lmStudio,
  LiteLLM: liteLlm,
  OpenRouter: openRouter,
  Mistral: mistral,
  DeepSeek: deepSeek,
  Gemini: gemini,
  Anthropic: anthropic,
  Groq: groq,
  Together: together,
  Fireworks: fireworks,
  xAI: xai,
  Cohere: cohere,
  Bedrock: bedrock,
  TGI: tgi,
  Qwen: qwen,
  Moonshot: moonshot,
  MiniMax: miniMax,
  Cerebras: cerebras,
  'GitHub Models': gitHubModels,
  'text-generation-webui': webui,
  exo,
  NIM: nim,
  Databricks: databricks,
  Cloudflare: cloudflare,
  Zhipu: zhipu,
  ...others,
};

export const ROWS: (Row & { server: string })[] = Object.entries(SERVERS).flatMap(([server, rows]) =>
  rows.map((row) => ({ ...row, server })),
);
