import { Module } from '@nestjs/common';
import { PostureController } from './posture.controller.ts';

/** What stands unresolved on devices; what policies make of it is in `posture/override.ts`. */
@Module({ controllers: [PostureController] })
export class PostureModule {}
