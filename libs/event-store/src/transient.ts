const transientClasses = new Set(['08', '40', '53', '57', '58']);
const transientStates = new Set(['25P03', '25P04', '55P03']);
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
// `pg` gives these no code.
const endedMessages =
  /^Connection terminated|^Client has encountered a connection error|^Client was closed|timeout exceeded when trying to connect|timeout expired|^Query read timeout/;

const timeouts = new Set(['25P03', '25P04', '57014']);
const sqlState = /^[0-9A-Z]{5}$/;
// Data exception; integrity constraint violation; an exception raised in SQL; program limit exceeded, such as a key too long for its index.
const contentClasses = new Set(['22', '23', 'P0', '54']);

/** The SQLSTATE of an error of Postgres, also when TypeORM or a `cause` wraps it. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const { code } of chain(error))
    if (typeof code === 'string' && sqlState.test(code) && !networkCodes.has(code)) return code;
  return undefined;
}

/**
 * Whether the same work may succeed later, unchanged: connection lost or refused, conflicts of serialization and deadlocks, timeouts,
 * no resources, server shutting down or restarting. Such work waits and is tried again for ever. (design.md, Event store.)
 */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return transientClasses.has(state.slice(0, 2)) || transientStates.has(state);
  for (const { code, message, syscall } of chain(error)) {
    if (typeof code === 'string' && networkCodes.has(code)) return true;
    // A Unix socket whose server is restarting.
    if (code === 'ENOENT' && syscall === 'connect') return true;
    if (typeof message === 'string' && endedMessages.test(message)) return true;
  }
  return false;
}

/** Whether the work took too long: worth trying with less of it. */
export function isTimeout(error: unknown): boolean {
  return timeouts.has(sqlStateOf(error) ?? '');
}

/**
 * Whether Postgres refused the data that it was given, so that the same data will be refused again. A missing table, a missing right
 * or a fault of the server (42, 25006, 28, XX) is nobody's content.
 */
export function isContentState(error: unknown): boolean {
  return contentClasses.has(sqlStateOf(error)?.slice(0, 2) ?? '');
}

interface ErrorLike {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly syscall?: unknown;
  readonly cause?: unknown;
  readonly driverError?: unknown;
  readonly errors?: unknown;
}

function* chain(error: unknown, depth = 0): Generator<ErrorLike> {
  if (typeof error !== 'object' || error === null || depth > 5) return;
  const { cause, driverError, errors } = error as ErrorLike;
  yield error as ErrorLike;
  yield* chain(driverError, depth + 1);
  yield* chain(cause, depth + 1);
  if (Array.isArray(errors)) for (const inner of errors) yield* chain(inner, depth + 1);
}
