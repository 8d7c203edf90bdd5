/** How many tokens a model accepts, as its server lists it: every server has a name of its own for that. */
import type { ModelTarget } from '../../config/config.ts';
import { isObject } from './opaque-fields.ts';

const ANSWER_MS = 2_000;

/** LM Studio, vLLM, OpenRouter and Together, Mistral, Groq, llama.cpp. */
const KEYS = [
  'loaded_context_length',
  'max_model_len',
  'context_length',
  'max_context_length',
  'context_window',
  'n_ctx',
];

/** Null: the server does not list the model, or does not say. Undefined: it does not answer. */
export async function contextWindowOf(target: ModelTarget): Promise<number | null | undefined> {
  try {
    const answer = await fetch(`${target.baseUrl}/models`, {
      headers: { authorization: `Bearer ${target.apiKey}` },
      signal: AbortSignal.timeout(ANSWER_MS),
      redirect: 'error',
    });
    return (answer.ok && readWindow(await answer.json(), target.upstreamModel)) || null;
  } catch {
    return undefined;
  }
}

/** A server of one model answers to any name. */
export function readWindow(list: unknown, model: string): number | undefined {
  const data = isObject(list) && Array.isArray(list['data']) ? list['data'].filter(isObject) : [];
  const entry = data.find(({ id }) => id === model) ?? (data.length === 1 ? data[0] : undefined);
  if (entry === undefined) return undefined;
  const places = [entry, entry['meta'], entry['top_provider'], entry['limits']].filter(isObject);
  return places
    .flatMap((place) => KEYS.map((key) => Number(place[key])))
    .find((value) => Number.isInteger(value) && value >= 256);
}
