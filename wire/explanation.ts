/** What a run sent to its model, how its requests went, and what its searches found. Ours: the published description has none. */
import { z } from 'zod';

import { each, integer, message, nullableInteger, nullableText, text } from './answers.ts';
import { tools } from './requests/tools.ts';

/** Stored with the turn. Messages are named by their numbers in the thread: from and to, both included. */
const turnRequest = z.object({
  /** Milliseconds since 1970. */
  ...each(integer, 'sent_at', 'duration_ms'),
  /** As this server counts them. */
  tokens: z.object(
    each(integer, 'instructions', 'tools', 'tool_calls', 'tool_outputs', 'messages', 'room'),
  ),
  /** What the room for the prompt follows from. */
  limited_by: z.enum(['context_window', 'max_prompt_tokens']),
  kept: z.array(z.tuple([integer, integer])),
  /** Messages of which a part was left out. */
  cut: z.array(integer),
});
export type TurnRequest = z.infer<typeof turnRequest>;

const lostRequest = turnRequest.extend({
  error: z.enum(['model_server', 'connection', 'stream']),
  /** Of the model server's answer. */
  status: nullableInteger,
});
export type LostRequest = z.infer<typeof lostRequest>;

const turn = z.object({
  turn: integer,
  /** Null while it is under way. */
  result: nullableText,
  usage: z.unknown(),
  request: turnRequest.nullable(),
  lost_requests: z.array(lostRequest),
  steps: z.array(text),
});
export type ExplainedTurn = z.infer<typeof turn>;

const DROPPED = ['context_window', 'max_prompt_tokens', 'last_messages', 'cut_off'] as const;

export const runExplanation = z
  .object({
    object: z.literal('thread.run.explanation'),
    ...each(text, 'run_id', 'thread_id', 'status', 'model'),
    created_at: integer,
    ...each(nullableInteger, 'started_at', 'ended_at'),
    turns: z.array(turn),
    /** Of the newest request. Null: it is not known. */
    dropped_messages: z
      .object({
        count: integer,
        /** The newest 100. */
        messages: z.array(z.object({ id: text, tokens: integer, reason: z.enum(DROPPED) })),
      })
      .nullable(),
    searches: z.array(
      z.object({
        step_id: text,
        call_id: text,
        results: z.array(z.object({ file_id: text, file_name: text, score: z.number() })),
        query: text.optional(),
      }),
    ),
    /** By the prices of the models file. Null: the model has none there. */
    cost_usd: z.number().nullable(),
    content: z
      .object({
        instructions: nullableText,
        tools,
        /** Of the newest request: its newest 100, the newest first. */
        messages: z.array(
          z.object({ id: text, number: integer, role: text, content: message.shape.content }),
        ),
      })
      .optional(),
    /** In Temporal's UI. Only administrators get it, if the server knows where the UI is. */
    workflow_url: text.optional(),
  })
  .meta({ id: 'RunExplanation' });
export type RunExplanation = z.infer<typeof runExplanation>;
