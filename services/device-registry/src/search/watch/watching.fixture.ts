import type { Replica } from '../replica.fixture.ts';

export interface ToldEvent {
  readonly name: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is in the test.
  readonly data: any;
}

/** A client of a watch, as EventSource is one. */
export interface Watching {
  readonly told: readonly ToldEvent[];
  /** Of the last event, or of a heartbeat. */
  readonly lastId: string | undefined;
  readonly ended: Promise<void>;
  close(): void;
}

export async function watching(
  { service }: Pick<Replica, 'service'>,
  key: string,
  parameters: string,
  lastEventId?: string,
): Promise<Watching> {
  const controller = new AbortController();
  const headers = {
    authorization: `Bearer ${key}`,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  const response = await fetch(`${service.url}/v1/devices/watch?${parameters}`, { headers, signal: controller.signal });
  if (response.status !== 200 || response.body === null)
    throw new Error(`watch: ${response.status} ${await response.text()}`);
  const told: ToldEvent[] = [];
  let lastId: string | undefined;
  const read = async (body: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of body) {
      rest += decoder.decode(bytes, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(
          block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
        );
        lastId = fields.get('id') ?? lastId;
        const [name, data] = [fields.get('event'), fields.get('data')];
        if (name !== undefined && data !== undefined) told.push({ name, id: lastId ?? '', data: JSON.parse(data) });
      }
    }
  };
  return {
    told,
    get lastId() {
      return lastId;
    },
    ended: read(response.body).catch(() => undefined),
    close: () => controller.abort(),
  };
}
