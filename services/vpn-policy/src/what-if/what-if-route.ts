import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { JobDto } from '@quell/contracts/job';
import type { VpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import { type VpnWhatIfAnswer, vpnWhatIfQuery, vpnWhatIfRequest } from '@quell/contracts/vpn-what-if';
import type { Principal } from '@quell/service-kit/api-key';
import { requireScope } from '@quell/service-kit/auth';
import type { Authenticator } from '@quell/service-kit/authenticator';
import { type RequestKey, requestKeyOf } from '@quell/service-kit/jobs/request-key';
import { lineTypes } from '@quell/service-kit/lines';
import { ProblemError, refusal, unavailable } from '@quell/service-kit/problem-error';
import { readPast } from '@quell/service-kit/read-past';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { countDecisions } from '../decision-log/read-decisions.ts';
import { type Policy, versionInForce } from '../policy/policy.ts';
import { contentToKeep } from '../policy-api/content-to-keep.ts';
import { findContent } from '../policy-store/find-content.ts';
import { readPolicyRow } from '../policy-store/policy-row.ts';
import { prepare } from '../simulate/prepare.ts';
import { simulateLines } from '../simulate/simulate.ts';
import { Tally } from '../simulate/tally.ts';
import { dropPartsBefore } from './parts.ts';
import { readContexts } from './read-contexts.ts';
import { recordedFilter, tryRecorded } from './try-recorded.ts';
import type { WhatIfParts } from './what-if.ts';
import { WHAT_IF, type WhatIfInput } from './what-if-job.ts';

/** So many recorded decisions are tried while the caller waits. */
const DECISIONS_AT_ONCE = 2000;

/** Uploads that are read at the same time. */
const UPLOADS = 4;

/** `POST /v1/vpn/what-if` as a plain Fastify route: contexts come as a stream. Few are answered at once, more become a job. */
export function serveWhatIf(http: FastifyInstance, authenticator: Authenticator, parts: WhatIfParts): void {
  const { pool, jobs, runner, stopping } = parts;
  const callers = new WeakMap<FastifyRequest, Principal>();
  let uploads = 0;

  // Its own scope: lines are handed on unparsed on this route only.
  http.register(async (scope) => {
    scope.addContentTypeParser(lineTypes, (_request, payload, done) => done(null, payload));
    const onRequest = async (request: FastifyRequest) => {
      callers.set(request, await requireScope(authenticator, request.headers.authorization, ['vpn:evaluate']));
    };
    scope.post('/v1/vpn/what-if', { onRequest }, async (request, reply) => {
      const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
      if (!lineTypes.includes(type)) return tryDecisions(request, reply);
      if (uploads >= UPLOADS) throw unavailable('Too many uploads are open already. Send it again.', 5);
      uploads++;
      const body = request.body as Readable;
      try {
        return await tryLines(request, reply);
      } catch (error) {
        // The caller left in mid-request: nobody is there to be told.
        if (body.errored !== null) return reply.hijack();
        throw error;
      } finally {
        readPast(body, () => uploads--);
      }
    });
  });

  async function tryLines(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const query = vpnWhatIfQuery.parse(request.query);
    const { policyId, version, against } = query;
    if (policyId === undefined) {
      const detail = 'With contexts a line each, policyId has to be named.';
      throw refusal('invalid-request', detail, { errors: [{ pointer: '/policyId', detail }] });
    }
    const policy = await find(policyId);
    const candidate = await contentAt(policy, version);
    const compared = against ?? versionInForce(policy)?.number;
    const other = compared === undefined ? undefined : await contentAt(policy, compared);
    // Ended early, the iterator would take the connection with it, and the answer.
    const body: AsyncIterable<Buffer> = (request.body as Readable).iterator({ destroyOnReturn: false });
    const sha256 = createHash('sha256');
    const contexts = await readContexts(pool, hashed(body, sha256), stopping);
    if ('lines' in contexts) {
      const tally = new Tally();
      simulateLines(tally, contexts.lines, prepare(candidate), other === undefined ? undefined : prepare(other));
      return reply.send(tally.answer() satisfies VpnWhatIfAnswer);
    }
    const { jobId, parts: count, total } = contexts;
    const input: WhatIfInput = {
      policyId,
      version,
      candidate,
      ...(other === undefined ? {} : { against: other }),
      source: 'lines',
      parts: count,
      total,
    };
    // What cannot be deleted now goes after a day.
    const drop = () => dropPartsBefore(pool, jobId, count).catch(() => undefined);
    try {
      const made = await queue(request, reply, { query, lines: sha256.digest('hex') }, input, jobId);
      if (made !== jobId) await drop();
    } catch (error) {
      // After any other error the job may have been made.
      if (error instanceof ProblemError) await drop();
      throw error;
    }
    return reply;
  }

  async function tryDecisions(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const asked = vpnWhatIfRequest.parse(request.body);
    const { policyId, version, content, decisions } = asked;
    const known = await repeated(request, asked);
    if (known !== undefined) return sendJob(reply, known);
    const candidate =
      content === undefined
        ? await contentAt(await find(policyId!), version)
        : contentToKeep(content.body, content.posture);
    const filter = policyId === undefined ? decisions : { ...decisions, policy: decisions.policy ?? policyId };
    const until = new Date().toISOString();
    const source = { candidate, filter, until };
    const total = await countDecisions(pool, recordedFilter(source), filter.limit);
    if (total > DECISIONS_AT_ONCE) {
      const named = policyId === undefined ? {} : { policyId, version };
      await queue(request, reply, asked, { ...named, ...source, source: 'decisions', total });
      return reply;
    }
    const tally = new Tally();
    await tryRecorded(pool, tally, prepare(candidate), source, undefined, Math.max(total, 1));
    return reply.send(tally.answer() satisfies VpnWhatIfAnswer);
  }

  /** @param asked what its Idempotency-Key stands for. @returns the job's id: under a key that of the first one */
  async function queue(
    request: FastifyRequest,
    reply: FastifyReply,
    asked: object,
    input: WhatIfInput,
    id?: string,
  ): Promise<string> {
    const { keyId, name } = callers.get(request)!;
    const named = id === undefined ? {} : { id };
    const job = { ...named, kind: WHAT_IF, input, createdBy: `key:${keyId} (${name})`, total: input.total };
    const key = keyOf(request, asked);
    const made = await (key === undefined ? jobs.create(job) : jobs.createOnce(job, key));
    runner.wake();
    sendJob(reply, made);
    return made.id;
  }

  /** The job that the same request made before: by now it may mean fewer decisions, which would be answered at once. */
  async function repeated(request: FastifyRequest, asked: object): Promise<JobDto | undefined> {
    const key = keyOf(request, asked);
    return key && jobs.findRequested(key);
  }

  function keyOf(request: FastifyRequest, asked: object): RequestKey | undefined {
    const [header] = [request.headers['idempotency-key']].flat();
    return requestKeyOf(header, callers.get(request)!, WHAT_IF, asked);
  }

  async function find(policyId: string): Promise<Policy> {
    const policy = await readPolicyRow(pool, policyId);
    if (policy === undefined) throw refusal('not-found', `There is no policy ${policyId}.`);
    return policy;
  }

  async function contentAt(policy: Policy, version: 'draft' | number): Promise<VpnPolicyContent> {
    const content = await findContent(pool, policy, version);
    if (content === undefined) throw refusal('not-found', `Policy ${policy.id} has no version ${version}.`);
    return content;
  }
}

function sendJob(reply: FastifyReply, job: JobDto): FastifyReply {
  return reply.code(202).header('location', `/v1/vpn/what-if/${job.id}`).send(job);
}

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const part of source) {
    hash.update(part);
    yield part;
  }
}
