/** Deltas added to an object the way the clients do it, refusing what their merging would spoil. */
import type { Message, RunStep } from '../../wire/types.ts';

type Json = Record<string, unknown>;

/** Adds a `thread.message.delta` to the message's content. @throws Error for a delta that clients would merge wrongly */
export function accumulateMessage(message: Message, data: unknown): void {
  const delta = deltaOf(data, 'thread.message.delta', ['content']);
  const content = message.content as unknown as Json[];
  for (const { index, ...part } of delta['content'] as (Json & { index: number })[]) {
    const known = content[index];
    if (known === undefined) {
      require(index === content.length, `content index ${index} leaves a gap`);
      checkOpening(part);
      content.push(structuredClone(part));
    } else {
      require(known['type'] === part['type'], 'a part keeps its type');
      require(part['type'] !== 'image_file', 'an image is sent once');
      require(index === content.length - 1, 'parts are written one after the other');
      if (part['type'] === 'refusal') append(known, 'refusal', part['refusal']);
      else continueText(known['text'] as Json, part['text'] as Json);
    }
  }
}

function checkOpening(part: Json): void {
  if (part['type'] === 'text') {
    require(isEmptyList((part['text'] as Json)['annotations']), 'a text opens with annotations');
    return;
  }
  if (part['type'] === 'refusal') {
    require(typeof part['refusal'] === 'string' && part['refusal'] !== '', 'a refusal has a text');
    return;
  }
  require(part['type'] ===
    'image_file', `a part is a text, refusal or image: ${String(part['type'])}`);
  const { file_id: id, ...rest } = part['image_file'] as Json;
  require(/^file-\w{22}$/.test(String(id)), 'an image names its file');
  require(Object.keys(rest).length === 0, `an image has a file and no more`);
}

function continueText(known: Json, { value, annotations, ...rest }: Json): void {
  require(Object.keys(rest).length === 0, `sent twice: ${Object.keys(rest).join(', ')}`);
  const list = known['annotations'] as Json[];
  if (annotations === undefined) {
    const links = list.filter(({ type }) => type === 'file_path');
    require(links.length === 0, 'links are annotated after the whole text');
    return append(known, 'value', value);
  }
  if (value !== '') return continueCitation(known, String(value), annotations as Json[]);
  require(Array.isArray(annotations) && annotations.length > 0, 'a delta brings annotations');
  for (const { index, ...annotation } of annotations as (Json & { index: number })[]) {
    require(index === list.length, `annotation index ${index} is repeated or leaves a gap`);
    list.push(annotation);
  }
}

/** A mark comes with its one annotation, which says where in the text the mark is. */
function continueCitation(known: Json, value: string, annotations: Json[]): void {
  const list = known['annotations'] as Json[];
  const { index, file_citation, ...cited } = annotations[0]!;
  const { quote, ...citation } = file_citation as Json;
  require(annotations.length === 1 && cited['type'] === 'file_citation', 'a mark cites one file');
  require(index === list.length, `annotation index ${String(index)} is repeated or leaves a gap`);
  require(quote === '' && cited['text'] === value, 'a citation is its mark');
  const start = Array.from(String(known['value'])).length;
  require(cited['start_index'] === start, 'a citation begins where its mark does');
  require(cited['end_index'] === start + Array.from(value).length, 'a citation ends with its mark');
  append(known, 'value', value);
  list.push({ ...cited, file_citation: citation });
}

/** Adds a `thread.run.step.delta` to the step's tool calls. @throws Error as above */
export function accumulateStep(step: RunStep, data: unknown): void {
  const delta = deltaOf(data, 'thread.run.step.delta', ['step_details']);
  const details = delta['step_details'] as { type: string; tool_calls: Json[] };
  const known = step.step_details;
  require(known.type === 'tool_calls' && details.type === 'tool_calls', 'only tool calls stream');
  const calls = known.tool_calls as unknown as Json[];
  for (const { index, ...call } of details.tool_calls as (Json & { index: number })[]) {
    if (calls[index] === undefined) openCall(calls, index, call);
    else continueCall(calls, index, call);
  }
}

function openCall(calls: Json[], index: number, call: Json): void {
  require(index === calls.length, `tool call index ${index} leaves a gap`);
  require(/^call_\w{24}$/.test(String(call['id'])), 'a tool call opens with its id');
  const details = call[String(call['type'])] as Json;
  if (call['type'] === 'function') {
    require(typeof details['name'] === 'string' && details['name'] !== '', 'it opens with a name');
    require(details['arguments'] === '' && details['output'] === null, 'it opens empty');
  } else if (call['type'] === 'file_search') {
    require(isEmptyList(details['results']), 'it opens empty');
    require(Object.keys(details).join() === 'ranking_options,results', 'it opens with its options');
  } else {
    require(details['input'] === '' && isEmptyList(details['outputs']), 'it opens empty');
  }
  calls.push(structuredClone(call));
}

function continueCall(calls: Json[], index: number, call: Json): void {
  const known = calls[index]!;
  const type = String(call['type']);
  require(known['type'] === type, 'a tool call keeps its type');
  require(Object.keys(call).length === 2, "a tool call's id is sent once");
  const { arguments: args, input, outputs, results, ...rest } = call[type] as Json;
  require(Object.keys(rest).length === 0, `sent twice: ${Object.keys(rest).join(', ')}`);
  const details = known[type] as Json;
  if (args !== undefined) append(details, 'arguments', args);
  if (input !== undefined) append(details, 'input', input);
  if (args !== undefined || input !== undefined) {
    require(index === calls.length - 1, 'calls are written one after the other');
  }
  const key = results === undefined ? 'outputs' : 'results';
  for (const { index: position, ...output } of (results ?? outputs ?? []) as (Json & {
    index: number;
  })[]) {
    const list = details[key] as Json[];
    const last = list.at(-1);
    // A cell that runs goes on with its logs.
    if (position === list.length - 1 && last?.['type'] === 'logs' && output['type'] === 'logs') {
      append(last, 'logs', output['logs']);
      continue;
    }
    require(position === list.length, `output index ${position} is repeated or leaves a gap`);
    list.push(output);
  }
}

function deltaOf(data: unknown, object: string, keys: string[]): Json {
  const { delta, ...rest } = data as Json & { delta: Json };
  require(rest['object'] === object, `the object is ${String(rest['object'])}`);
  require(Object.keys(rest).sort().join() === 'id,object', 'a delta event has id, object, delta');
  require(Object.keys(delta).join() === keys.join(), `delta keys: ${Object.keys(delta).join()}`);
  return delta;
}

function append(target: Json, key: string, value: unknown): void {
  require(typeof value === 'string' && value !== '', `a delta brings text, got ${typeof value}`);
  target[key] = String(target[key]) + String(value);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function require(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(text);
}
