/** What the models of a scenario say. A scenario's models are its client's id, a colon, and a name of this list. */
import { dynamic, hold, paced, status, text, toolCalls } from '../support/fake-model.ts';
import type { ModelRequest, Reply } from '../support/fake-model.ts';

const CALLS = callsOf('get_weather');
const BUSY_TOKENS_PER_SECOND = 20;

/** Each model's reply to any request. `longMs`: how long the slow ones take. */
export function scenarioReplies(longMs: number): Record<string, Reply> {
  const words = text('one two three four');
  const late = { ...words, due: () => longMs };
  return {
    text: text('Hello there, größte 🧵.'),
    calls: afterCalls(CALLS, text('Sunny in both.')),
    /** As Semantic Kernel names the function of a plugin. */
    'plugin-calls': afterCalls(callsOf('Weather-get_weather'), text('Sunny in both.')),
    code: afterCalls(
      [{ name: 'code_interpreter', arguments: { code: slowCode(longMs) } }],
      text('That is it.'),
    ),
    /** Says a word and no more, until its request is cancelled. */
    stuck: hold(text('one two'), { afterChunks: 1 }).reply,
    refuses: status(400),
    silent: { ...words, due: (index) => (index < 2 ? 0 : longMs) },
    busy: paced(text('word '.repeat((longMs * BUSY_TOKENS_PER_SECOND) / 1_000 + 2).trimEnd()), {
      tokensPerSecond: BUSY_TOKENS_PER_SECOND,
    }),
    'silent-outputs': afterCalls(CALLS, late),
  };
}

function callsOf(name: string): { name: string; arguments: object }[] {
  return ['Rome', 'Oslo'].map((city) => ({ name, arguments: { city } }));
}

function afterCalls(calls: Parameters<typeof toolCalls>[0], answer: Reply): Reply {
  const hasResult = ({ messages }: ModelRequest) => messages.some(({ role }) => role === 'tool');
  return dynamic((request) => (hasResult(request) ? answer : toolCalls(calls, { splitEvery: 6 })));
}

/** Silent for as long, then a line and an image. */
function slowCode(longMs: number): string {
  return [
    'import time',
    `time.sleep(${longMs / 1_000})`,
    'print("drawing")',
    'from PIL import Image',
    'Image.new("RGB", (2, 2)).show()',
  ].join('\n');
}
