/** sandboxd as its own process: `npm run sandboxd`. Serves kernels to workers, and stops on SIGTERM or SIGINT. */
import { loadConfigOrExit } from '../config/config.ts';
import { createLogger } from '../config/log.ts';
import { closeOnSignal, exitWith } from '../config/process.ts';
import { chooseBackend } from '../sandbox/choose-backend.ts';
import { defaultKernels, limitsOf } from '../sandbox/index.ts';
import { sandboxOptions } from '../worker/sandbox.ts';
import { GRACE_MS, Sandboxd } from './server.ts';

const config = loadConfigOrExit();
const log = createLogger(config);
const { sandbox: backend, sandboxdListen: address, sandboxToken: token } = config;
if (backend === 'remote' || backend === 'none') {
  log.fatal(`SANDBOX is '${backend}', but sandboxd runs the code itself: set it to auto.`);
  process.exit(1);
}
if (token === undefined && !('path' in address)) {
  log.fatal('SANDBOX_TOKEN must be set: without one sandboxd listens on a Unix socket only.');
  process.exit(1);
}
const options = sandboxOptions(config);
const limits = limitsOf(options);
const { status, open } = await chooseBackend(options, limits);
// sandboxd serves without a sandbox too: workers then learn the reason.
if (open === undefined) log.error({ reason: status.reason }, 'There is no sandbox');
const sandboxd = new Sandboxd({
  status,
  open,
  limits,
  maxKernels: config.sandboxMaxKernels ?? defaultKernels(),
  token,
  log: (message, fields) => log.info(fields ?? {}, message),
});
const port = await sandboxd
  .listen(address)
  .catch(exitWith(log, 'sandboxd cannot listen at SANDBOXD_LISTEN'));
log.info(
  { address: port === undefined ? address : { ...address, port }, ...status },
  'sandboxd is serving',
);

closeOnSignal(log, 'sandboxd', () => sandboxd.drain(GRACE_MS));
