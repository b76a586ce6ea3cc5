import type { NormalisedDetection } from '@quell/contracts/detection';
import type { DetectionDto, detectionListQuery } from '@quell/contracts/detection-api';
import { timestamp, uuid } from '@quell/contracts/vocabulary';
import { decodeCursor, type Page, pageOf } from '@quell/service-kit/cursor';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { DetectionEntity } from './detection.entity.ts';

const position = z.tuple([timestamp, uuid]);

/** Where detections went, the last received first. */
export async function listDetections(
  dataSource: DataSource,
  query: z.infer<typeof detectionListQuery>,
): Promise<Page<DetectionDto>> {
  const list = dataSource
    .getRepository(DetectionEntity)
    .createQueryBuilder('d')
    .orderBy('d.receivedAt', 'DESC')
    .addOrderBy('d.detectionId', 'ASC')
    .take(query.limit + 1);
  if (query.disposition !== undefined) {
    list.andWhere('d.disposition IN (:...dispositions)', { dispositions: query.disposition });
  }
  if (query.source !== undefined) list.andWhere('d.source = :source', { source: query.source });
  if (query.taskId !== undefined) list.andWhere('d.taskId = :taskId', { taskId: query.taskId });
  if (query.since !== undefined) list.andWhere('d.receivedAt >= :since', { since: query.since });
  if (query.cursor !== undefined) {
    const [receivedAt, detectionId] = decodeCursor(query.cursor, position);
    list.andWhere('(d.receivedAt < :receivedAt OR (d.receivedAt = :receivedAt AND d.detectionId > :detectionId))', {
      receivedAt,
      detectionId,
    });
  }
  const rows = await list.getMany();
  return pageOf(rows, query.limit, detectionDtoOf, ({ receivedAt, detectionId }) => [
    receivedAt.toISOString(),
    detectionId,
  ]);
}

/** Where one detection went; undefined while it has not arrived. */
export async function findDetection(dataSource: DataSource, detectionId: string): Promise<DetectionDto | undefined> {
  const row = await dataSource.getRepository(DetectionEntity).findOneBy({ detectionId });
  return row === null ? undefined : detectionDtoOf(row);
}

function detectionDtoOf(row: DetectionEntity): DetectionDto {
  const content = JSON.parse(row.content) as NormalisedDetection;
  const candidates = (row.candidates ?? []) as { endpointId: string }[];
  return {
    id: row.detectionId,
    source: row.source,
    sourceId: row.sourceId,
    detectedAt: row.detectedAt.toISOString(),
    receivedAt: row.receivedAt.toISOString(),
    severity: content.severity,
    endpoint: content.endpoint,
    threat: content.threat,
    ...(content.actionTaken === undefined ? {} : { actionTaken: content.actionTaken }),
    disposition: row.disposition,
    ...(row.taskId === null ? {} : { taskId: row.taskId }),
    ...(row.endpointId === null ? {} : { endpointId: row.endpointId }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(candidates.length === 0 ? {} : { candidates: candidates.map(({ endpointId }) => endpointId) }),
    duplicates: row.duplicates,
    updatedAt: row.updatedAt.toISOString(),
  };
}
