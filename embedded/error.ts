/** A start-up failure with a known remedy. The message is one sentence for the user. */
export class EmbeddedError extends Error {
  override name = 'EmbeddedError';
}
