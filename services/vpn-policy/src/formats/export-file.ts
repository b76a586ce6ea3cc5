import { assertNever } from '@quell/contracts/vocabulary';
import type { VpnExportRequest } from '@quell/contracts/vpn-formats';
import { exportCiscoProfile } from '../cisco-profile/export.ts';
import { type Exported, exportMobileconfig } from '../mobileconfig/export.ts';
import { exportIntune } from '../mobileconfig/export-intune.ts';

/** The file for the request's target, or why there is none. */
export function exportFile(request: VpnExportRequest): Exported {
  switch (request.target) {
    case 'apple':
      return exportMobileconfig(request);
    case 'intune':
      return exportIntune(request);
    case 'cisco':
      return exportCiscoProfile(request);
    default:
      return assertNever(request);
  }
}
