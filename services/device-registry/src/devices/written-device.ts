import type { Device as DeviceDto } from '@quell/contracts/device';
import type { FeedCursor } from '@quell/event-store/feed';
import { etagOf } from '@quell/service-kit/etag';
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import type { Device } from '../device/device.ts';
import { positionText } from '../device-store/position.ts';
import { deviceDtoOf } from './device-dto.ts';
import { lastSeen, positionOf } from './read-device.ts';

/** A device as a write answers it, with its version as `ETag` and where the write stands in the log. */
export async function writtenDevice(
  pool: Pool,
  { device, position: written }: { readonly device: Device; readonly position?: FeedCursor },
  reply: FastifyReply,
): Promise<DeviceDto> {
  const [position, seen] = await Promise.all([written ?? positionOf(pool, device), lastSeen(pool, device.id)]);
  reply.header('etag', etagOf(device)).header('x-quell-position', positionText(position));
  return deviceDtoOf(device, seen);
}
