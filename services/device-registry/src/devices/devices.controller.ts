import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Device as DeviceDto } from '@quell/contracts/device';
import {
  type DevicePatch,
  devicePatch,
  deviceVersionQuery,
  type RegisterDeviceRequest,
  registerDeviceRequest,
  retireDeviceQuery,
} from '@quell/contracts/device-api';
import type { HistoryItem } from '@quell/contracts/task';
import { historyQuery } from '@quell/contracts/task-api';
import { deviceId } from '@quell/contracts/vocabulary';
import type { Principal } from '@quell/service-kit/api-key';
import { CurrentPrincipal, Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { etagOf, namesVersion, versionsOf } from '@quell/service-kit/etag';
import { refusal } from '@quell/service-kit/problem-error';
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import { POOL } from '../database/pool.ts';
import { actorOf } from './actor.ts';
import type { DeviceAnswer, DeviceRefusal } from './change-device.ts';
import { changesOf } from './changes-of.ts';
import { ChangeDevice, FindDevice, FindDeviceHistory, RegisterDevice } from './handlers.ts';
import { writtenDevice } from './written-device.ts';

const idempotencyKey = z.string().min(1).max(256).optional();

@Controller('/v1/devices')
export class DevicesController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
    @Inject(POOL) private readonly pool: Pool,
  ) {}

  @Post()
  @Scopes('devices:write')
  async register(
    @CurrentPrincipal() principal: Principal,
    @Body({ schema: registerDeviceRequest }) request: RegisterDeviceRequest,
    @Headers('idempotency-key') key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeviceDto> {
    const parsed = idempotencyKey.safeParse(key);
    if (!parsed.success) throw refusal('invalid-request', 'Idempotency-Key must have 1 to 256 characters.');
    const idempotency = parsed.data === undefined ? {} : { idempotency: { owner: principal.keyId, key: parsed.data } };
    const answer = await this.commands.execute(
      new RegisterDevice(request, { actor: actorOf(principal), ...idempotency }),
    );
    const registered = answer.ok && answer.registered;
    const device = await this.#written(answer, reply);
    reply.code(registered ? 201 : 200).header('location', `/v1/devices/${encodeURIComponent(device.id)}`);
    return device;
  }

  @Get(':id')
  @Scopes('devices:read')
  async find(
    @Param('id', { schema: deviceId }) id: string,
    @Query({ schema: deviceVersionQuery }) { asOf }: z.infer<typeof deviceVersionQuery>,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeviceDto | undefined> {
    const device = await this.queries.execute(new FindDevice(id, asOf));
    if (device === undefined) throw notFound(id, asOf);
    reply.header('etag', etagOf(device));
    if (known === undefined || !namesVersion(known, device.version)) return device;
    reply.code(304);
    return undefined;
  }

  @Get(':id/history')
  @Scopes('devices:read')
  async history(
    @Param('id', { schema: deviceId }) id: string,
    @Query({ schema: historyQuery }) page: z.infer<typeof historyQuery>,
  ): Promise<Page<HistoryItem>> {
    const history = await this.queries.execute(new FindDeviceHistory(id, page));
    if (history === undefined) throw notFound(id);
    return history;
  }

  @Patch(':id')
  @Scopes('devices:write')
  async patch(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: deviceId }) id: string,
    @Body({ schema: devicePatch }) patch: DevicePatch,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeviceDto> {
    const command = { kind: 'patch', changes: changesOf(patch) } as const;
    const by = { ifVersion: versionsOf(ifMatch), actor: actorOf(principal) };
    return this.#written(await this.commands.execute(new ChangeDevice({ deviceId: id, command, ...by })), reply);
  }

  @Delete(':id')
  @HttpCode(200)
  @Scopes('devices:write')
  async retire(
    @CurrentPrincipal() principal: Principal,
    @Param('id', { schema: deviceId }) id: string,
    @Query({ schema: retireDeviceQuery }) { reason }: z.infer<typeof retireDeviceQuery>,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeviceDto> {
    const command = { kind: 'retire', reason } as const;
    const by = { ifVersion: versionsOf(ifMatch), actor: actorOf(principal) };
    return this.#written(await this.commands.execute(new ChangeDevice({ deviceId: id, command, ...by })), reply);
  }

  /** The device with its version and where the write stands in the log; a refusal as its problem. */
  async #written(answer: DeviceAnswer, reply: FastifyReply): Promise<DeviceDto> {
    if (!answer.ok) {
      const { code, detail, fact } = answer.refusal;
      throw refusal(problems[code], detail, {
        ...(fact === undefined ? {} : { errors: [{ pointer: `/${fact}`, detail }] }),
        headers: answer.device === undefined ? {} : { etag: etagOf(answer.device) },
      });
    }
    return writtenDevice(this.pool, answer, reply);
  }
}

const problems = {
  unknown: 'not-found',
  exists: 'conflict',
  retired: 'conflict',
  version: 'precondition-failed',
  'too-many': 'invalid-request',
  unnameable: 'invalid-request',
  'key-reused': 'unprocessable',
} as const satisfies Record<DeviceRefusal['code'], string>;

function notFound(id: string, asOf?: string) {
  return refusal(
    'not-found',
    asOf === undefined ? `There is no device ${id}.` : `There was no device ${id} at ${asOf}.`,
  );
}
