/** Splits bodies that are passed on: a long one in a thread, of each project one at a time. */
import { Worker as Thread } from 'node:worker_threads';

import type { ProjectId } from '../../wire/ids.ts';
import { LONG_BODY } from '../http/json-body.ts';
import type { SplitBody, SplitProblem } from './split-body.ts';
import { splitBody } from './split-body.ts';

type Split = SplitBody | SplitProblem;
type Waiter = { resolve: (split: Split) => void; reject: (error: unknown) => void };

export type Splitter = (project: ProjectId, text: string) => Promise<Split>;

export function createSplitter(stopping: AbortSignal): Splitter {
  /** The newest text of each project that has any in the thread or before it. */
  const newest = new Map<ProjectId, Promise<unknown>>();
  const ask = createThread(stopping);
  return async (project, text) => {
    if (text.length <= LONG_BODY) return splitBody(text);
    const before = newest.get(project);
    const split = before === undefined ? ask(text) : before.catch(() => {}).then(() => ask(text));
    newest.set(project, split);
    try {
      return await split;
    } finally {
      if (newest.get(project) === split) newest.delete(project);
    }
  };
}

/** The thread starts with the first text, and again after it broke. It answers in order. */
function createThread(stopping: AbortSignal): (text: string) => Promise<Split> {
  let thread: Thread | undefined;
  let waiting: Waiter[] = [];
  const fail = (error: unknown) => {
    const failed = waiting;
    [thread, waiting] = [undefined, []];
    for (const { reject } of failed) reject(error);
  };
  const start = () => {
    const started = new Thread(new URL('split-thread.ts', import.meta.url));
    started.on('message', (split: Split) => {
      waiting.shift()!.resolve(split);
      if (waiting.length === 0) started.unref();
    });
    started.on('error', fail);
    return started;
  };
  stopping.addEventListener('abort', () => {
    void thread?.terminate();
    fail(stopping.reason);
  });
  return (text) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      thread ??= start();
      thread.ref();
      thread.postMessage(text);
    });
}
