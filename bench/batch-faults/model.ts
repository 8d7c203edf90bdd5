/**
 * The model of the bench with faults, in a process of its own. What a line asks for is in its question: its number, and what its
 * run does. It counts the requests of each turn, so that one that was asked for twice without a fault shows.
 */
import { dynamic, startFakeModel, status, text, toolCalls } from '../../test/support/fake-model.ts';
import { serveCalls } from '../child.ts';
import { MODEL } from './names.ts';

const model = await startFakeModel();
const asked = new Map<string, number>();
let faults = 0;

const reply = dynamic((request) => {
  const question = JSON.stringify(request.messages.find(({ role }) => role === 'user')?.content);
  const [, line = '', kind = ''] = /Line (\S+) (\w+)/.exec(question) ?? [];
  const turn = request.messages.filter(({ role }) => role === 'tool').length;
  const key = `${line} ${turn}`;
  const times = (asked.get(key) ?? 0) + 1;
  asked.set(key, times);
  if (kind === 'fault' && times === 1) {
    faults += 1;
    return status(500);
  }
  return turn === 0 ? firstAnswer(kind, line) : text(`Answer ${line}`);
});

function firstAnswer(kind: string, line: string) {
  if (kind === 'cell') {
    return toolCalls([{ name: 'code_interpreter', arguments: { code: 'print(6 * 7)' } }]);
  }
  if (kind === 'function') return toolCalls([{ name: 'lookup', arguments: { line } }]);
  return text(`Answer ${line}`);
}

const handlers = {
  baseUrl: () => model.baseUrl,
  clock: () => performance.timeOrigin + performance.now(),
  expect: (requests: number) =>
    model.script(MODEL, ...Array.from({ length: requests }, () => reply)),
  tally: () => {
    const calls = [...asked.values()].reduce((sum, times) => sum + times, 0);
    return { calls, turns: asked.size, faults, overruns: model.overruns.length };
  },
};

export type FaultyModel = typeof handlers;

serveCalls(handlers, () => model.close());
