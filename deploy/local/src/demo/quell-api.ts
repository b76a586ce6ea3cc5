import type { NativeDetection } from '@quell/contracts/detection';
import type { DetectionDto, DetectionsAnswer } from '@quell/contracts/detection-api';
import type { HistoryItem, TaskDto } from '@quell/contracts/task';
import type { DevicePosture } from '@quell/contracts/vpn-posture';

/** An answer other than the one asked for; the message is the problem's detail. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The few calls of Quell's API that the walk makes. */
export class QuellApi {
  readonly url: string;
  readonly #key: string;

  /** @param key an API key with the scope `admin` */
  constructor(url: string, key: string) {
    this.url = url.replace(/\/$/, '');
    this.#key = key;
  }

  async enrolmentToken(): Promise<string> {
    const { enrolmentToken } = await this.#call<{ enrolmentToken: string }>('POST', '/v1/enrolment-tokens', {});
    return enrolmentToken;
  }

  async agents(): Promise<{ agentId: string; hostname?: string; lastSeenAt?: string }[]> {
    return (await this.#call<{ items: { agentId: string; hostname?: string }[] }>('GET', '/v1/agents')).items;
  }

  detect(detection: NativeDetection): Promise<DetectionsAnswer> {
    return this.#call('POST', '/v1/detections', detection);
  }

  /** Undefined while the detection has not arrived. */
  async detection(id: string): Promise<DetectionDto | undefined> {
    try {
      return await this.#call<DetectionDto>('GET', `/v1/detections/${id}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  task(id: string): Promise<TaskDto> {
    return this.#call('GET', `/v1/tasks/${id}`);
  }

  tasks(query = ''): Promise<{ items: TaskDto[]; nextCursor?: string }> {
    return this.#call('GET', `/v1/tasks${query}`);
  }

  history(id: string): Promise<{ items: HistoryItem[] }> {
    return this.#call('GET', `/v1/tasks/${id}/history?limit=500`);
  }

  rollback(id: string): Promise<TaskDto> {
    return this.#call('POST', `/v1/tasks/${id}/rollback`);
  }

  async postures(): Promise<DevicePosture[]> {
    return (await this.#call<{ items: DevicePosture[] }>('GET', '/v1/vpn/postures')).items;
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    if (!response.ok) throw new ApiError(response.status, detailOf(text) ?? `${method} ${path}: ${response.status}`);
    return JSON.parse(text) as T;
  }
}

function detailOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { detail?: string }).detail;
  } catch {
    return undefined;
  }
}
