import { Module } from '@nestjs/common';
import { WhatIfController } from './what-if.controller.ts';

/** What a policy would change, as jobs. */
@Module({ controllers: [WhatIfController] })
export class WhatIfModule {}
