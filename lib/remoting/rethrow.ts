/**
 * Rethrows a listener's error where nothing of this package stands in its way: it is not swallowed, and what told the
 * listener goes on undisturbed.
 */
export function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
