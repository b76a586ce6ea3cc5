const networkCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

/**
 * True when an error says that Postgres is not there now, so that trying again later can help: SQLSTATE classes
 * 08 (connection), 57 (operator intervention: shutdown, starting up), 53 (out of resources), the timeouts that
 * end a session, and the errors of a broken socket.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (networkCodes.has(code)) return true;
  if (/^(08|57P|53)/.test(code) || code === '25P03' || code === '25P04') return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
    error.message,
  );
}
