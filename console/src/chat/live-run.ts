/** The text that a run has written so far, assembled from its events. */
import { AssistantStream } from 'openai/lib/AssistantStream';
import type { AssistantStreamEvent } from 'openai/resources/beta/assistants';
import type { Message } from 'openai/resources/beta/threads/messages';
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import type { RunStep } from 'openai/resources/beta/threads/runs/steps';

export type Live = {
  run: Run | undefined;
  messages: ReadonlyMap<string, Message>;
  steps: ReadonlyMap<string, RunStep>;
};

export const NOTHING: Live = { run: undefined, messages: new Map(), steps: new Map() };

/** Statuses in which a run goes on without its client. */
const ACTIVE = ['queued', 'in_progress', 'cancelling'];
export const isActive = (status: string | undefined) => ACTIVE.includes(status ?? '');
export const isOpen = (status: string | undefined) =>
  isActive(status) || status === 'requires_action';

export function applyEvent(live: Live, { event, data }: AssistantStreamEvent): Live {
  switch (event) {
    case 'thread.created':
    case 'error':
      return live;
    case 'thread.message.delta':
      return { ...live, messages: changed(live.messages, data.id, data.delta) };
    case 'thread.run.step.delta':
      return { ...live, steps: changed(live.steps, data.id, data.delta) };
    default:
      if (data.object === 'thread.message') {
        return { ...live, messages: new Map(live.messages).set(data.id, data) };
      }
      return data.object === 'thread.run.step'
        ? { ...live, steps: new Map(live.steps).set(data.id, data) }
        : { ...live, run: data };
  }
}

/** Adds a delta to the earlier text by the client's own rules. */
function changed<T extends object>(objects: ReadonlyMap<string, T>, id: string, delta: object) {
  const before = objects.get(id);
  if (before === undefined) return objects;
  const after = AssistantStream.accumulateDelta(structuredClone(before), delta) as T;
  return new Map(objects).set(id, after);
}
