/** The baseline's activities: `empty` ones do nothing; the others call the model and write what a run of ours writes. */
import type OpenAI from 'openai';

import type { BareWrites } from './writes.ts';

/** plain: one answer. tool: a function call, a signal with its output, an answer. */
export type Kind = 'plain' | 'tool';

export type BareInput = { id: string; kind: Kind; model: string; empty: boolean };

export type BareActivities = { turn(input: BareInput, index: number): Promise<void> };

type Dependencies = {
  writes: BareWrites;
  client: OpenAI;
  /** Called when an activity has done its work: the earliest moment at which a client could know. */
  onTurn: (id: string, index: number) => void;
};

const TOOLS = [
  { type: 'function' as const, function: { name: 'lookup', parameters: { type: 'object' } } },
];

export function createBareActivities({ writes, client, onTurn }: Dependencies): BareActivities {
  return {
    async turn(input, index) {
      if (!input.empty) await work(input, index);
      onTurn(input.id, index);
    },
  };

  async function work({ id, kind, model }: BareInput, index: number): Promise<void> {
    const asksForTool = kind === 'tool' && index === 0;
    const accepted = index === 0 ? await writes.create(id) : await writes.submit(id);
    // Off the critical path, as in the API.
    const delivered = writes.removeDelivery(accepted);
    await writes.claim(id);
    const response = await client.chat.completions.create({
      model,
      messages: [
        { role: 'user', content: 'Say something.' },
        ...(index === 0 ? [] : [toolResult(0), toolResult(1)]),
      ],
      stream: true,
      stream_options: { include_usage: true },
      ...(kind === 'plain' ? {} : { tools: TOOLS }),
    });
    let tokens = 0;
    let waiting = 0;
    let flushed: Promise<void> = Promise.resolve();
    const flush = async (seq: number) => {
      // Tokens that came while a statement was under way go out together, as in our writer.
      if (waiting === 0) return;
      waiting = 0;
      await writes.delta(id, seq);
    };
    for await (const { choices } of response) {
      const delta = choices[0]?.delta;
      if (!delta?.content && !delta?.tool_calls) continue;
      if (tokens++ === 0) {
        await (asksForTool ? writes.openTools(id) : writes.open(id));
        continue;
      }
      const seq = (index + 1) * 1_000_000 + tokens;
      waiting += 1;
      flushed = flushed.then(() => flush(seq));
    }
    await flushed;
    await (asksForTool ? writes.pause(id) : writes.finish(id));
    await delivered;
  }
}

function toolResult(part: number): OpenAI.ChatCompletionMessageParam {
  if (part === 1) return { role: 'tool', tool_call_id: 'call_1', content: 'done' };
  const call = {
    id: 'call_1',
    type: 'function' as const,
    function: { name: 'lookup', arguments: '{}' },
  };
  return { role: 'assistant', content: null, tool_calls: [call] };
}
