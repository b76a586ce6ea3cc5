import { Agent, request } from 'undici';
import type { Identity } from '../identity/identity.ts';
import { readRetryAfter } from './backoff.ts';
import { signatureHeaders } from './sign.ts';

/**
 * What became of a call. `refused` is the server's final word on this request (a 4xx); `later` means: the same again after a while
 * (network error, 401, 429, 5xx). A 401 is never final: a failed credential must not cost the agent its journal.
 */
export type Reply =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown; readonly etag?: string }
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string; readonly problem?: string }
  | {
      readonly kind: 'later';
      readonly status?: number;
      readonly detail: string;
      readonly retryAfterSeconds?: number;
    };

export interface CallOptions {
  readonly body?: unknown;
  readonly etag?: string;
  readonly signal?: AbortSignal;
  /** How long the server may take to answer. Default 30. */
  readonly timeoutSeconds?: number;
  /** Return the body as text instead of reading JSON. */
  readonly raw?: boolean;
}

/** The agent's way to the server: every call signed; a 401 corrects the clock offset from `Date` and signs once more. */
export class ServerLink {
  private readonly base: URL;
  private readonly identity: Identity;
  private readonly dispatcher = new Agent({ connect: { timeout: 10_000 }, keepAliveTimeout: 4_000 });
  private clockOffsetMs = 0;

  constructor(url: string, identity: Identity) {
    this.base = new URL(url);
    this.identity = identity;
  }

  async call(method: 'GET' | 'POST', path: string, options: CallOptions = {}): Promise<Reply> {
    const first = await this.once(method, path, options);
    if (first.reply.kind !== 'later' || first.reply.status !== 401) return first.reply;
    const serverTime = Date.parse(first.date ?? '');
    // `Date` has whole seconds and the answer took its time: half a second later is the best guess.
    if (!Number.isNaN(serverTime)) this.clockOffsetMs = serverTime + 500 - Date.now();
    return (await this.once(method, path, options)).reply;
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async once(method: string, path: string, options: CallOptions): Promise<{ reply: Reply; date?: string }> {
    const url = new URL(this.base.pathname.replace(/\/$/, '') + path, this.base).href;
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const created = Math.floor((Date.now() + this.clockOffsetMs) / 1000);
    const timeoutMs = (options.timeoutSeconds ?? 30) * 1000;
    try {
      const signed = await signatureHeaders(
        { method, url, ...(body === undefined ? {} : { body }) },
        this.identity,
        created,
      );
      const response = await request(url, {
        method: method as 'GET' | 'POST',
        headers: {
          ...signed,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(options.etag === undefined ? {} : { 'if-none-match': options.etag }),
        },
        body: body ?? null,
        dispatcher: this.dispatcher,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      const text = await response.body.text();
      const header = (name: string) => [response.headers[name]].flat()[0];
      const date = header('date');
      const reply = replyOf(response.statusCode, text, options.raw ?? false, header);
      return { reply, ...(date === undefined ? {} : { date }) };
    } catch (error) {
      return { reply: { kind: 'later', detail: describe(error) } };
    }
  }
}

function replyOf(status: number, text: string, raw: boolean, header: (name: string) => string | undefined): Reply {
  if (status < 300 || status === 304) {
    const etag = header('etag');
    const body = raw ? text : readJson(text);
    return { kind: 'answered', status, body, ...(etag === undefined ? {} : { etag }) };
  }
  const problem = readJson(text) as { type?: string; title?: string; detail?: string } | undefined;
  const detail = `${status} ${problem?.detail ?? problem?.title ?? text.slice(0, 200)}`.trim();
  // A redirect would take a signed request to a place nobody named; an intermediary that sends one is passing trouble.
  const isLater = status === 401 || status === 408 || status === 429 || status >= 500 || status < 400;
  if (!isLater)
    return { kind: 'refused', status, detail, ...(problem?.type === undefined ? {} : { problem: problem.type }) };
  const retryAfterSeconds = readRetryAfter(header('retry-after'), Date.now());
  return { kind: 'later', status, detail, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describe(error: unknown): string {
  const { message, code } = error as Error & { code?: string };
  return [code, message].filter((part) => part !== undefined && part !== '').join(' ') || 'the connection failed';
}
