/**
 * Ends this process when its parent has ended, also by SIGKILL. The parent is npm for a program that npm runs, else the
 * process that named itself in THREADMILL_PARENT and loaded this file by `--import`.
 */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const CHECK_MS = 500;
/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 5_000;

if (isMainThread) {
  const named = process.env['THREADMILL_PARENT'];
  // The children of this process have another parent.
  delete process.env['THREADMILL_PARENT'];
  if (named !== undefined) endUnless(() => String(process.ppid) === named);
  else if (process.env['npm_lifecycle_event'] !== undefined) {
    const before = ancestors();
    endUnless(() => ancestors() === before);
  }
}

/** A shell between npm and this process outlives npm, unless the shell became this process by exec. */
function ancestors() {
  const [shell, parent] = statusOf(process.ppid);
  return /^(ba|da)?sh$/.test(shell) ? `${process.ppid} ${parent}` : `${process.ppid}`;
}

/** Name and parent of a process, where there is a /proc. */
function statusOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return [/^Name:\s+(.*)$/m.exec(status)?.[1] ?? '', /^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? ''];
  } catch {
    return ['', ''];
  }
}

function endUnless(holds) {
  const timer = setInterval(() => {
    if (holds()) return;
    clearInterval(timer);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS);
    process.kill(process.pid, 'SIGTERM');
  }, CHECK_MS).unref();
}
