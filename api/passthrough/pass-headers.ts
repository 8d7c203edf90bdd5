/** The headers of a model server's answer that its caller gets. */
import type { IncomingHttpHeaders } from 'node:http';

import type { Response } from 'express';

/** Limits of this server are shown in place of the model server's. */
export function passHeaders(
  response: Response,
  headers: IncomingHttpHeaders,
  passed: RegExp,
): void {
  for (const [name, value] of Object.entries(headers)) {
    if (passed.test(name) && value !== undefined && !response.hasHeader(name)) {
      response.setHeader(name, value);
    }
  }
}
