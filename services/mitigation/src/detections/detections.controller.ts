import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { type DetectionDto, detectionListQuery } from '@quell/contracts/detection-api';
import { uuid } from '@quell/contracts/vocabulary';
import { Scopes } from '@quell/service-kit/auth';
import type { Page } from '@quell/service-kit/cursor';
import { refusal } from '@quell/service-kit/problem-error';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { findDetection, listDetections } from './list-detections.ts';

@Controller('/v1/detections')
@Scopes('detections:read')
export class DetectionsController {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  @Get()
  list(@Query({ schema: detectionListQuery }) query: z.infer<typeof detectionListQuery>): Promise<Page<DetectionDto>> {
    return listDetections(this.dataSource, query);
  }

  @Get(':id')
  async find(@Param('id', { schema: uuid }) id: string): Promise<DetectionDto> {
    const detection = await findDetection(this.dataSource, id);
    if (detection === undefined) throw refusal('not-found', `No detection ${id} has arrived.`);
    return detection;
  }
}
