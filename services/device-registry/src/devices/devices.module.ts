import { Module } from '@nestjs/common';
import { DevicesController } from './devices.controller.ts';
import { deviceHandlers } from './handlers.ts';

@Module({ controllers: [DevicesController], providers: deviceHandlers })
export class DevicesModule {}
