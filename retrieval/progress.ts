/** Whether a process gets on, as Linux tells it. */
import { readFileSync } from 'node:fs';

/** Of proc(5): runs or waits for a processor, waits for a disk. */
const NOT_IDLE = ['R', 'D'];
/** Places of the state and of the two times in what follows the name, which may have any characters. */
const STATE = 0;
const USER_TIME = 11;
const SYSTEM_TIME = 12;

/**
 * Returns a function that tells whether the process has used a processor since it was last asked, or waits for one. Where
 * nothing can tell, the answer is no.
 */
export function watchProgress(pid: number | undefined): () => boolean {
  let last = '';
  return () => {
    const [state = '', used = ''] = readState(pid);
    const isBusy = NOT_IDLE.includes(state) || used !== last;
    last = used;
    return isBusy;
  };
}

function readState(pid: number | undefined): [state?: string, used?: string] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [fields[STATE], `${fields[USER_TIME]} ${fields[SYSTEM_TIME]}`];
  } catch {
    return [];
  }
}
