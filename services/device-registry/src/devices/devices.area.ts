import type { Area } from '../area.ts';
import { DevicesModule } from './devices.module.ts';
import { acceptMergePatch } from './merge-patch.ts';

/** One device at a time: register, read, change, retire, its history. */
export function openDevices(): Area {
  return { module: DevicesModule, routes: acceptMergePatch };
}
