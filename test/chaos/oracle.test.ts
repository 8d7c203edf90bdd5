/**
 * Whether the oracle notices. A recorded run that broke no rule is spoilt in one way after the other, as a system that
 * breaks its promises would have left it, and the right rule has to say so. A checker that never fails proves nothing.
 */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

import type { Evidence, SentRequest, Tables } from './evidence.ts';
import { CELL_OUTPUT } from './load/plans.ts';
import { judge, RULES } from './oracle/index.ts';
import { readEvidence } from './recording.ts';

/** Made by `npm run chaos -- --calm --seed 32 --minutes 0.25 --clients 5 --record …`. */
const RECORDING = fileURLToPath(new URL('../fixtures/chaos-run.json.gz', import.meta.url));

let good: Evidence;
beforeAll(async () => {
  good = await readEvidence(RECORDING);
});

test('finds nothing wrong with a run that kept every promise', () => {
  expect(good.tables.runs.length).toBeGreaterThan(10);
  expect(judge(good)).toEqual([]);
});

/** Breaks the evidence. */
type Spoil = (evidence: Evidence) => void;

const SPOILT: Readonly<Record<string, Readonly<Record<string, Spoil>>>> = {
  a: {
    'an acknowledged message that is gone': ({ tables, requests }) => {
      const { answer } = acknowledged(requests, 'message');
      remove(tables.messages, ({ id }) => id === answer!['id']);
    },
    'an acknowledged run that is gone': ({ tables, requests }) => {
      const { sent } = acknowledged(requests, 'run');
      remove(tables.runs, ({ marker }) => marker === sent.marker);
    },
    'an acknowledged run that is another one': ({ requests }) => {
      acknowledged(requests, 'run').answer!['id'] = 'run_of_somebody_else';
    },
    'a file with other content': ({ tables, requests }) => {
      const { sent } = acknowledged(requests, 'file');
      tables.files.find(({ filename }) => filename === sent.filename)!.sha256 = 'ab'.repeat(32);
    },
    'an acknowledged cancellation of a run that completed all the same': ({ tables, requests }) => {
      const { sent } = acknowledged(requests, 'cancel');
      tables.runs.find(({ id }) => id === sent.run)!.status = 'completed';
    },
    'a vector store that forgot its file': ({ tables }) => {
      tables.store_files.pop();
    },
  },
  b: {
    'a message that was stored twice': ({ tables, requests }) => {
      const { answer } = acknowledged(requests, 'message');
      const first = tables.messages.find(({ id }) => id === answer!['id'])!;
      tables.messages.push({ ...first, id: 'msg_again', seq: 99 });
    },
    'a run that was created twice': ({ tables }) => {
      tables.runs.push({ ...tables.runs[0]!, id: 'run_again' });
    },
    'two answers to one key': ({ requests }) => {
      const one = acknowledged(requests, 'thread');
      requests.push({ ...one, answer: { ...one.answer, id: 'thread_again' } });
    },
    'a repeat with its key that was refused, although the first try was stored': ({ requests }) => {
      const one = requests.find(
        ({ kind, key, status }) => kind === 'run' && key && status === 200,
      )!;
      requests.push({ ...one, status: 400, answer: REFUSAL });
      Object.assign(one, { status: null, answer: null });
    },
  },
  c: {
    'a second answer in one turn': ({ tables }) => {
      const { step, message } = answered(tables);
      tables.steps.push({ ...step, id: 'step_again', message_id: 'msg_again' });
      tables.messages.push({ ...message, id: 'msg_again', seq: message.seq + 1 });
    },
    'a number that was left out': ({ tables }) => {
      const thread = tables.threads.find(({ id }) => id === answered(tables).message.thread_id)!;
      thread.last_message_seq += 1;
    },
    'two messages with one number': ({ tables }) => {
      const { message } = answered(tables);
      const other = tables.messages.find(
        ({ id, thread_id: thread }) => id !== message.id && thread === message.thread_id,
      );
      other!.seq = message.seq;
    },
    'a message of no step': ({ tables }) => {
      answered(tables).step.message_id = null;
    },
    'a turn that was never stored': ({ tables }) => {
      const run = tables.turns.find(({ turn }) => turn === 1)!.run_id;
      remove(tables.turns, (one) => one.run_id === run && one.turn === 0);
    },
  },
  d: {
    'an event that is missing': ({ tables }) => {
      const { run_id: run } = answered(tables).step;
      remove(tables.events, (one) => one.run_id === run && one.seq === 4);
    },
    'a second end': ({ tables }) => {
      const { run_id: run } = answered(tables).step;
      const end = tables.events.findLast((one) => one.run_id === run)!;
      tables.events.push({ ...end, seq: end.seq + 1, event: 'thread.run.expired' });
      tables.runs.find(({ id }) => id === run)!.last_event_seq += 1;
    },
    'a status that no event told': ({ tables }) => {
      tables.runs.find(({ status }) => status === 'completed')!.status = 'cancelled';
    },
    'a run that never ended': ({ tables }) => {
      tables.runs[0]!.status = 'in_progress';
    },
    'a delta that readers saw and the message does not have': ({ tables, objects }) => {
      const { message } = answered(tables);
      const shown = objects.messages.find(({ id }) => id === message.id)!;
      const [part] = shown.content;
      if (part?.type === 'text') part.text.value = part.text.value.slice(0, -5);
    },
    'a run that the API does not show': ({ objects }) => {
      objects.runs.pop();
    },
  },
  e: {
    'an answer with another word': ({ tables }) => {
      const { message } = answered(tables);
      message.text = message.text.replace('says', 'said');
    },
    'an answer spliced of two tries': ({ tables, modelCalls }) => {
      const { message } = answered(tables);
      const call = modelCalls.find(({ text }) => text === message.text)!;
      const second = call.text.replaceAll('/0/0', '/0/1');
      modelCalls.push({ ...call, attempt: 1, text: second });
      message.text = call.text.slice(0, 20) + second.slice(20);
    },
    'a cut answer that goes beyond what the model wrote': ({ tables }) => {
      const cut = tables.messages.find(({ status }) => status === 'incomplete')!;
      cut.text += ' and more';
    },
    'a message that stays open': ({ tables }) => {
      answered(tables).message.status = 'in_progress';
    },
    'a completed run without an answer': ({ tables }) => {
      const { message } = answered(tables);
      remove(tables.messages, ({ run_id: run }) => run === message.run_id);
    },
  },
  f: {
    'an output that is another one': ({ tables }) => {
      outputCall(tables).result = { output: 'something else' };
    },
    'outputs that nobody submitted': (evidence) => {
      remove(evidence.requests, ({ kind }) => kind === 'submit');
    },
    'two submissions that were both accepted': ({ requests }) => {
      const one = acknowledged(requests, 'submit');
      const outputs = one.sent.outputs!.map((output) => ({ ...output, output: 'another' }));
      requests.push({ ...one, op: `${one.op}-again`, sent: { ...one.sent, outputs } });
    },
    'a model that was not shown the outputs': ({ tables, modelCalls }) => {
      const { output } = outputCall(tables).result!;
      for (const call of modelCalls) {
        call.results = call.results.filter((result) => result !== output);
      }
    },
  },
  g: {
    'a turn that was counted twice': ({ tables, modelCalls }) => {
      const askedOnce = (run: Tables['runs'][number]) =>
        modelCalls.filter((call) => call.run === run.marker).length === 1;
      const run = found(tables.runs.find((one) => one.status === 'completed' && askedOnce(one)));
      run.prompt_tokens *= 2;
      run.completion_tokens *= 2;
    },
    'a turn that was not counted': ({ tables }) => {
      tables.runs.find(({ id }) => id === answered(tables).step.run_id)!.completion_tokens -= 1;
    },
    'the usage of nobody': ({ tables }) => {
      answered(tables).step.usage!.completion_tokens += 1;
    },
  },
  h: {
    'a reader who saw other text': ({ streams }) => {
      const event = textSeen(streams);
      event.data = event.data.replace('says', 'said');
    },
    'a reader who missed an event': ({ streams }) => {
      streams.find(({ events }) => events.length > 5)!.events.splice(2, 1);
    },
    'a reader who saw what was taken back': ({ streams, tables }) => {
      const { runId } = streams.find(({ events }) => events.length > 5)!;
      const last = tables.events.findLast(({ run_id: run }) => run === runId)!;
      remove(tables.events, (one) => one === last);
    },
    'a stream that was done in the middle of an answer': ({ streams }) => {
      const stream = streams.find(({ end, events }) => end === 'done' && events.length > 8)!;
      stream.events.length = 6;
    },
    'a stream that was resumed in the wrong place': ({ streams }) => {
      streams.find(({ after, events }) => after > 0 && events.length > 0)!.after -= 1;
    },
  },
  i: {
    'a workflow with another result': ({ workflows }) => {
      workflows.find(({ result }) => result?.status === 'completed')!.result = { status: 'failed' };
    },
    'a run that Temporal does not know': ({ workflows }) => {
      workflows[0]!.status = null;
    },
    'a workflow that failed': ({ workflows }) => {
      workflows[0]!.status = 'FAILED';
    },
    'a cancelled workflow of a completed run': ({ tables, workflows }) => {
      const { run_id: run } = answered(tables).step;
      workflows.find(({ id }) => id === run)!.status = 'CANCELED';
    },
  },
  j: {
    'a workflow that goes on after its run': ({ workflows }) => {
      workflows[0]!.status = 'RUNNING';
    },
    'a workflow without a run': ({ workflows }) => {
      workflows.push({ ...workflows[0]!, id: 'run_of_nobody', status: 'RUNNING' });
    },
    'a file that was never indexed': ({ tables }) => {
      tables.store_files[0]!.status = 'failed';
    },
    'a run that waits for ever': ({ tables }) => {
      tables.runs[0]!.status = 'requires_action';
    },
  },
  k: {
    'a delivery that was never made': ({ tables }) => {
      tables.deliveries.push({ id: 1, run_id: tables.runs[0]!.id, kind: 'cancel', attempts: 7 });
    },
    'content of nobody': ({ tables }) => {
      tables.orphan_blobs.push({ id: 7 });
    },
    'a document that no file uses': ({ tables }) => {
      tables.documents[0]!.used = false;
    },
    'a chunk that is missing': ({ tables }) => {
      tables.documents[0]!.chunks -= 1;
    },
    'a key without an answer': ({ tables }) => {
      tables.idempotency_keys[0]!.answered = false;
    },
    'half of a file': ({ tables }) => {
      tables.files[0]!.stored_bytes -= 1;
    },
    'a file that nobody sent': ({ tables }) => {
      tables.files.push({ ...tables.files[0]!, id: 'file-of-nobody', filename: 'nobody.txt' });
    },
    'a quota that counts what is gone': ({ tables }) => {
      tables.projects[0]!.file_bytes += 1;
    },
    'a completed upload without its file': ({ tables }) => {
      tables.uploads.find(({ status }) => status === 'completed')!.file_id = null;
    },
  },
  l: {
    'a model that was asked again for no reason': ({ modelCalls }) => {
      modelCalls.push({ ...modelCalls[0]!, attempt: modelCalls.length });
    },
    'a model that was asked for a run that is not there': ({ modelCalls }) => {
      modelCalls.push({ ...modelCalls[0]!, run: 'nobody' });
    },
  },
  m: {
    'a run that was cancelled and nobody asked': ({ requests }) => {
      remove(requests, ({ kind }) => kind === 'cancel');
    },
    'a run that a fault ended': ({ tables }) => {
      const run = tables.runs.find(({ id }) => id === answered(tables).step.run_id)!;
      run.status = 'failed';
      run.last_error = { code: 'server_error', message: 'Sorry, something went wrong.' };
    },
    'a run that expired before its time': ({ tables }) => {
      tables.runs.find(({ status }) => status === 'expired')!.expires_ms += 60_000;
    },
    'a run that expired with nothing in its way': ({ tables, wanted }) => {
      const run = tables.runs.find(({ status }) => status === 'expired')!;
      run.created_ms -= 200_000;
      wanted.find(({ marker }) => marker === run.marker)!.expiresAfter = null;
    },
    'a run that completed against the word of its model': ({ tables, wanted }) => {
      const { marker } = wanted.find(({ kind }) => kind === 'refused')!;
      tables.runs.find((run) => run.marker === marker)!.status = 'completed';
    },
    'a run of nobody': ({ wanted }) => {
      wanted.pop();
    },
  },
  n: {
    'a cell that ran twice': ({ tables }) => {
      recount(cellOf(tables), (n) => n + 1);
    },
    'variables that were lost': ({ tables }) => {
      recount(cellOf(tables, 2), () => 1);
    },
  },
  o: {
    'a 500': ({ requests }) => {
      Object.assign(requests[0]!, { status: 500, answer: {} });
    },
    'a 503 that does not say when to come back': ({ requests }) => {
      Object.assign(requests[0]!, { status: 503, retryAfter: null });
    },
    'a refusal that has no reason': ({ requests }) => {
      Object.assign(acknowledged(requests, 'file'), { status: 400, answer: REFUSAL });
    },
    'a key that is said to be of another request': ({ requests }) => {
      const answer = { error: { ...REFUSAL.error, code: 'idempotency_key_reused' } };
      Object.assign(acknowledged(requests, 'run'), { status: 400, answer });
    },
  },
  p: {
    'a process that ended by itself': ({ lives }) => {
      Object.assign(lives[0]!, { asked: false, exit: { code: 1, signal: null } });
    },
  },
  q: {
    'an answer in a history': ({ workflows }) => {
      workflows[0]!.tellsText = true;
    },
    'a question that no client asked': ({ strays }) => {
      strays.push('What is this?');
    },
  },
};

const REFUSAL = {
  error: { message: 'No.', type: 'invalid_request_error', param: null, code: null },
};

test('every rule is tested', () => {
  expect(Object.keys(SPOILT)).toEqual(Object.keys(RULES));
});

describe.each(Object.keys(SPOILT))('rule (%s)', (letter) => {
  test.each(Object.keys(SPOILT[letter]!))('notices %s', (name) => {
    const evidence = structuredClone(good);
    SPOILT[letter]![name]!(evidence);
    expect(judge(evidence).map(({ rule }) => rule)).toContain(letter);
  });
});

function acknowledged(requests: SentRequest[], kind: SentRequest['kind']): SentRequest {
  return found(requests.find((one) => one.kind === kind && one.status === 200 && one.answer));
}

/** A completed message of a run, in its step. */
function answered({ steps, messages, runs }: Tables) {
  const step = found(
    steps.find(
      ({ message_id: id, run_id, turn }) =>
        turn === 0 && id !== null && runs.find((run) => run.id === run_id)?.status === 'completed',
    ),
  );
  return { step, message: found(messages.find(({ id }) => id === step.message_id)) };
}

function outputCall({ tool_calls: calls }: Tables): Tables['tool_calls'][number] {
  return found(calls.find(({ name, result }) => name === 'lookup' && result !== null));
}

/** A code call that counted at least so far. */
function cellOf({ tool_calls: calls }: Tables, least = 1): Tables['tool_calls'][number] {
  return found(calls.find((call) => Number(CELL_OUTPUT.exec(logsIn(call))?.[2] ?? 0) >= least));
}

function recount(call: Tables['tool_calls'][number], change: (n: number) => number): void {
  for (const output of call.result!.outputs!) {
    output.logs = output.logs?.replace(/n=(\d+)/, (_, n: string) => `n=${change(Number(n))}`);
  }
}

function logsIn({ result }: Tables['tool_calls'][number]): string {
  return (result?.outputs ?? []).map(({ logs = '' }) => logs).join('');
}

function textSeen(streams: Evidence['streams']): Evidence['streams'][number]['events'][number] {
  const events = streams.flatMap((stream) => stream.events);
  return found(events.find(({ event, data }) => event.endsWith('.delta') && data.includes('says')));
}

function remove<T>(list: T[], unwanted: (item: T) => boolean): void {
  const kept = list.filter((item) => !unwanted(item));
  expect(kept.length).toBeLessThan(list.length);
  list.splice(0, list.length, ...kept);
}

/** The recording has to have what is to be spoilt. */
function found<T>(item: T | undefined): T {
  expect(item).toBeDefined();
  return item!;
}
