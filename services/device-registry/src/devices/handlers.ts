import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler, type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { Device as DeviceDto } from '@quell/contracts/device';
import type { RegisterDeviceRequest } from '@quell/contracts/device-api';
import type { HistoryItem } from '@quell/contracts/task';
import type { Notifier } from '@quell/event-store/notify';
import type { Page } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import { FEED, POOL } from '../database/pool.ts';
import { type ChangeRequest, changeDevice, type DeviceAnswer } from './change-device.ts';
import { readDevice, readHistory } from './read-device.ts';
import { type RegisterBy, registerDevice } from './register-device.ts';

export class RegisterDevice extends Command<DeviceAnswer> {
  constructor(
    readonly request: RegisterDeviceRequest,
    readonly by: RegisterBy,
  ) {
    super();
  }
}

@CommandHandler(RegisterDevice)
export class RegisterDeviceHandler implements ICommandHandler<RegisterDevice> {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(FEED) private readonly feed: Notifier,
  ) {}

  execute = async ({ request, by }: RegisterDevice) => told(this.feed, await registerDevice(this.pool, request, by));
}

export class ChangeDevice extends Command<DeviceAnswer> {
  constructor(readonly request: ChangeRequest) {
    super();
  }
}

@CommandHandler(ChangeDevice)
export class ChangeDeviceHandler implements ICommandHandler<ChangeDevice> {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(FEED) private readonly feed: Notifier,
  ) {}

  execute = async ({ request }: ChangeDevice) => told(this.feed, await changeDevice(this.pool, request));
}

function told(feed: Notifier, answer: DeviceAnswer): DeviceAnswer {
  if (answer.ok && answer.position !== undefined) feed.notify();
  return answer;
}

export class FindDevice extends Query<DeviceDto | undefined> {
  constructor(
    readonly deviceId: string,
    readonly asOf?: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(FindDevice)
export class FindDeviceHandler implements IQueryHandler<FindDevice> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ deviceId, asOf }: FindDevice) => readDevice(this.pool, deviceId, asOf);
}

export class FindDeviceHistory extends Query<Page<HistoryItem> | undefined> {
  constructor(
    readonly deviceId: string,
    readonly page: { readonly limit: number; readonly cursor?: string | undefined },
  ) {
    super();
  }
}

@QueryHandler(FindDeviceHistory)
export class FindDeviceHistoryHandler implements IQueryHandler<FindDeviceHistory> {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  execute = ({ deviceId, page }: FindDeviceHistory) => readHistory(this.pool, deviceId, page);
}

export const deviceHandlers = [RegisterDeviceHandler, ChangeDeviceHandler, FindDeviceHandler, FindDeviceHistoryHandler];
