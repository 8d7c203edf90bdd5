/**
 * Ends this process when the one that started it has ended, whatever ended that: npm for a program that npm runs, and for
 * others the process that named itself in THREADMILL_PARENT and had this file loaded first (`--import`).
 */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const CHECK_MS = 500;
/** For an orderly end; after that comes SIGKILL. */
const GRACE_MS = 5_000;

if (isMainThread) {
  const named = process.env['THREADMILL_PARENT'];
  // Not for what this process starts: it has another parent.
  delete process.env['THREADMILL_PARENT'];
  if (named !== undefined) endUnless(() => String(process.ppid) === named);
  else if (process.env['npm_lifecycle_event'] !== undefined) {
    const before = ancestors();
    endUnless(() => ancestors() === before);
  }
}

/** Between npm and us there is a shell that outlives npm, unless it became this process. */
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
