import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { deviceId } from '@quell/contracts/vocabulary';
import { type DevicePosture, postureListQuery } from '@quell/contracts/vpn-posture';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import type { Pool } from 'pg';
import type { z } from 'zod';
import { POOL } from '../database/pool.ts';
import { readDevice } from '../devices/known-devices.ts';
import { listPostures } from '../posture-store/list-postures.ts';
import { postureOf } from '../posture-store/posture-of.ts';

@Controller('/v1/vpn')
@Scopes('vpn:read')
export class PostureController {
  constructor(@Inject(POOL) private readonly pool: Pool) {}

  @Get('postures')
  list(@Query({ schema: postureListQuery }) query: z.infer<typeof postureListQuery>): Promise<Page<DevicePosture>> {
    return listPostures(this.pool, query);
  }

  @Get('devices/:deviceId/posture')
  async find(@Param('deviceId', { schema: deviceId }) id: string): Promise<DevicePosture> {
    const device = await readDevice(this.pool, id);
    return postureOf(this.pool, { deviceId: id, agentId: device?.agentId });
  }
}
