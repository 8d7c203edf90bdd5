import type { Mutation } from '../mutation.ts';
import { BATCHES } from './batches.ts';
import { DELIVERIES } from './deliveries.ts';
import { ENDINGS } from './endings.ts';
import { EVENTS } from './events.ts';
import { REQUESTS } from './requests.ts';
import { TEXTS } from './texts.ts';
import { TOOLS } from './tools.ts';
import { TURNS } from './turns.ts';

/** Each is a slip of the pen in code that keeps a promise of docs/durability.md. */
export const MUTATIONS: Mutation[] = [
  ...TURNS,
  ...EVENTS,
  ...DELIVERIES,
  ...REQUESTS,
  ...ENDINGS,
  ...TOOLS,
  ...TEXTS,
  ...BATCHES,
];
