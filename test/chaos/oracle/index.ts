/**
 * The oracle: whether a system that was disturbed kept its promises. Each rule is a pure function of the evidence. It asks
 * for what must always hold, never for what a particular fault should have done.
 */
import type { Evidence } from '../evidence.ts';
import { oneMessagePerTurn, textOfOneTry } from './messages.ts';
import {
  answersAreDocumented,
  historiesTellNothing,
  nothingLeft,
  nothingOpen,
  processesStay,
  temporalAgrees,
} from './parts.ts';
import { attemptsHaveReasons, endIsWanted, legalStory } from './statuses.ts';
import { seenIsStored } from './streams.ts';
import { cellsCountOn, outputsAsSubmitted, usageOfAccepted } from './tools.ts';
import type { Rule, Violation } from './violation.ts';
import { acknowledgedIsThere, nothingTwice } from './writes.ts';

export type { Violation } from './violation.ts';

/** By the letters of docs/durability.md. */
export const RULES: Readonly<Record<string, { name: string; rule: Rule }>> = {
  a: { name: 'what was acknowledged is there', rule: acknowledgedIsThere },
  b: { name: 'nothing has its effect twice', rule: nothingTwice },
  c: { name: 'one message per turn', rule: oneMessagePerTurn },
  d: { name: 'a legal story with one end', rule: legalStory },
  e: { name: 'an answer is that of one try', rule: textOfOneTry },
  f: { name: 'outputs as submitted', rule: outputsAsSubmitted },
  g: { name: 'usage of accepted tries', rule: usageOfAccepted },
  h: { name: 'what was seen is stored', rule: seenIsStored },
  i: { name: 'Temporal agrees', rule: temporalAgrees },
  j: { name: 'nothing is left open', rule: nothingOpen },
  k: { name: 'nothing is left behind', rule: nothingLeft },
  l: { name: 'every repeat has a reason', rule: attemptsHaveReasons },
  m: { name: 'the end is what was wanted', rule: endIsWanted },
  n: { name: 'cells run once, in order', rule: cellsCountOn },
  o: { name: 'answers are documented', rule: answersAreDocumented },
  p: { name: 'no process ends by itself', rule: processesStay },
  q: { name: 'histories tell nothing', rule: historiesTellNothing },
};

export function judge(evidence: Evidence): Violation[] {
  return Object.entries(RULES).flatMap(([letter, { rule }]) =>
    [...rule(evidence)].map(([about, what]) => ({ rule: letter, about, what })),
  );
}
