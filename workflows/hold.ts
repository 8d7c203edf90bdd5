/** Work whose batch is paused: it waits without a slot, and is done again when the batch is resumed. */
import { condition, setCurrentDetails, setHandler } from '@temporalio/workflow';

import { batchResumed } from './signals.ts';

type MaybeHeld = { kind: string };

/** Listens from the start: a resume may come before its workflow knows that the work was held. */
export function listenForResume() {
  let resumes = 0;
  setHandler(batchResumed, () => void (resumes += 1));
  /** The result of `work`; it is `held` when `msLeft` has passed first. */
  return async <T extends MaybeHeld>(work: () => Promise<T>, msLeft: () => number): Promise<T> => {
    for (;;) {
      const before = resumes;
      const result = await work();
      if (result.kind !== 'held') return result;
      setCurrentDetails('Waiting until the batch is resumed.');
      const timer = { summary: 'the batch is paused' };
      if (!(await condition(() => resumes > before, msLeft(), timer))) return result;
      setCurrentDetails('');
    }
  };
}
