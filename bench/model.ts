/** The fake model in a process of its own. Timing comes with each request's model id; arrivals can be asked for. */
import { startFakeModel } from '../test/support/fake-model.ts';
import { preciseNow } from '../test/support/fake-timing.ts';
import { serveCalls } from './child.ts';

const model = await startFakeModel();

const handlers = {
  baseUrl: () => model.baseUrl,
  clock: () => preciseNow(),
  /** When the requests for these model ids arrived, in order, in ms since the epoch. */
  arrivals(ids: string[]): number[][] {
    const byModel = Map.groupBy(model.requests(), (request) => request.model);
    return ids.map((id) => (byModel.get(id) ?? []).map((request) => request.at));
  },
  /** Resolves with the time at which the request for `id` was seen to be aborted. */
  async abortedAt(id: string): Promise<number> {
    await model.until((requests) => requests.some((one) => one.model === id && one.aborted));
    return model.requests(id).find((one) => one.aborted)!.abortedAt!;
  },
  overruns: () => model.overruns,
};

export type ModelHandlers = typeof handlers;

serveCalls(handlers, () => model.close());
