/** A start-up failure with a known remedy: the message is one sentence for the person at the terminal. */
export class EmbeddedError extends Error {
  override name = 'EmbeddedError';
}
