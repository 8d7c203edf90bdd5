/** Two schemas of one thing, walked together: fields, which of them are required, and words. */
import type { Schema } from '../../api/openapi.ts';
import type { Published } from './published.ts';
import { nameOf, resolve } from './description.ts';

type Comparison = {
  schemas: Record<string, Schema>;
  /** The operation's. */
  id: string;
  say: (at: string, published: string, served: string) => void;
};
type Side = { at: string; isRequest?: boolean };
type Walk = Comparison & {
  isRequest: boolean;
  top: Published;
  walked: Set<string>;
};

export function schemaDifferences(comparison: Comparison) {
  return (published: Published, ours: Schema, { at, isRequest = false }: Side): void =>
    walk(
      { ...comparison, isRequest, top: resolve(published), walked: new Set() },
      published,
      ours,
      at,
    );
}

function walk(step: Walk, published: Published, ours: Schema, place: string): void {
  const name = published.$ref === undefined ? place : nameOf(published.$ref);
  const key = `${name} ${JSON.stringify(ours)}`;
  if (step.walked.has(key)) return;
  step.walked.add(key);
  const target = resolve(published);
  const members = membersOf(step, ours);
  if (target.enum !== undefined) compareWords(step, target.enum, members, name);
  if (target.items !== undefined) {
    const lists = members.flatMap((one) => one.items ?? []);
    if (lists.length === 0) step.say(name, 'a list', 'none');
    else walk(step, target.items, { anyOf: lists }, `${name}[]`);
  }
  if (target.properties !== undefined) return compareFields(step, target, members, name);
  for (const one of target.oneOf ?? target.anyOf ?? target.allOf ?? []) {
    if (one.$recursiveRef === undefined) walk(step, one, ours, name);
  }
}

function compareWords(
  { say }: Walk,
  words: readonly unknown[],
  members: Schema[],
  name: string,
): void {
  const ours = members.flatMap(wordsOf);
  const isOpen = members.some((one) => one.type === 'string' && wordsOf(one).length === 0);
  const missing = words.filter((word) => !ours.includes(word));
  if (isOpen && ours.length === 0) say(name, 'certain words', 'any text');
  else if (missing.length > 0 && !isOpen) say(name, missing.join(' | '), 'absent');
}

function compareFields(step: Walk, target: Published, members: Schema[], name: string): void {
  const { say, isRequest } = step;
  const objects = members.filter((one) => one.properties && hasTagOf(target, one));
  if (objects.length === 0) return say(name, 'an object', 'none');
  for (const [field, value] of Object.entries(target.properties!)) {
    const at = `${name}.${field}`;
    const ours = objects.flatMap((one) => one.properties![field] ?? []);
    if (ours.length === 0) {
      say(at, 'described', 'absent');
      continue;
    }
    const isNeeded = target.required?.includes(field) ?? false;
    const needed = objects.filter((one) => one.required?.includes(field)).length;
    if (isNeeded && needed < objects.length) say(at, 'required', 'optional');
    if (isRequest && !isNeeded && needed > 0) say(at, 'optional', 'required');
    walk(step, value, { anyOf: ours }, at);
  }
  // Fields of a body that are not described are listed under its operation.
  const owner = isRequest && target === step.top ? step.id : name;
  for (const [field, ours] of objects.flatMap((one) => Object.entries(one.properties!))) {
    const isOurs = !(field in target.properties!) && !ours['x-threadmill'];
    if (isOurs) say(`${owner}.${field}`, 'absent', 'described');
  }
}

/** References resolved, unions dissolved. */
function membersOf(step: Walk, schema: Schema): Schema[] {
  if (schema.$ref !== undefined) return membersOf(step, step.schemas[nameOf(schema.$ref)]!);
  const members = schema.anyOf ?? schema.oneOf;
  return members?.flatMap((one) => membersOf(step, one)) ?? [schema];
}

const wordsOf = (schema: Schema): unknown[] =>
  schema.enum ?? (schema.const === undefined ? [] : [schema.const]);

/** Whether both are the same kind of object, as far as their `type` says. */
function hasTagOf({ properties }: Published, ours: Schema): boolean {
  const words = properties!.type && resolve(properties!.type).enum;
  const tag = ours.properties!.type && wordsOf(ours.properties!.type);
  return !words || !tag || tag.length === 0 || tag.some((one) => words.includes(one));
}
