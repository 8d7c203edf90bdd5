/** Runs that search: a store with two indexed files, an assistant that has it, and what its steps show. */
import type { AssistantCreateParams } from 'openai/resources/beta/assistants';
import { expect } from 'vitest';

import type { Environment } from './environment.ts';
import { toolCalls } from './fake-model.ts';
import type { Reply } from './fake-model.ts';
import { setUp } from './runs.ts';
import type { Setup } from './runs.ts';
import { settled, upload } from './stores.ts';

export const SEARCH = { type: 'file_search' as const };
export const FISH = 'The blue fish of lake Orb eat only moss.';
export const FACTS = 'The tower of Quill is ninety metres high.';

/** A model's call, with its arguments in small pieces. */
export const search = (...queries: string[]): Reply =>
  toolCalls([{ name: 'file_search', arguments: { queries } }], { splitEvery: 5 });

export type IndexedStore = { id: string; fish: string; facts: string };

export async function indexedStore({ client }: Pick<Environment, 'client'>): Promise<IndexedStore> {
  const fish = await upload(client, FISH, 'fish.txt');
  const facts = await upload(client, FACTS, 'facts.txt');
  const { id } = await client.vectorStores.create({ name: 's', file_ids: [fish, facts] });
  for (const file of [fish, facts]) {
    expect(await settled(client, id, file)).toMatchObject({ status: 'completed' });
  }
  return { id, fish, facts };
}

/** `setUp` with such a store. */
export async function searching(
  env: Environment,
  replies: Reply[],
  tools: NonNullable<AssistantCreateParams['tools']> = [SEARCH],
): Promise<Setup & { files: IndexedStore }> {
  const files = await indexedStore(env);
  const tool_resources = { file_search: { vector_store_ids: [files.id] } };
  return { ...(await setUp(env, replies, { tools, tool_resources })), files };
}

export type SearchCall = {
  id: string;
  type: string;
  file_search: {
    ranking_options: object;
    results: { file_id: string; file_name: string; content?: object[] }[];
  };
};

export const callsOf = (steps: { step_details: object }[]): SearchCall[] =>
  steps.flatMap(
    ({ step_details }) => (step_details as { tool_calls?: SearchCall[] }).tool_calls ?? [],
  );

/** The names of the files that the run's searches found, best first. */
export const foundBy = (steps: { step_details: object }[]): string[] =>
  callsOf(steps).flatMap(({ file_search }) => file_search.results.map((one) => one.file_name));
