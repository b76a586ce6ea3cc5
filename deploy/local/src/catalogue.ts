import { fileURLToPath } from 'node:url';
import type { Login } from './role-names.ts';

/** A program that the launcher runs. */
export interface Program {
  readonly name: string;
  /** Its `main.ts`. */
  readonly main: string;
  /** Whether its source has decorators, which Node's own type stripping does not run. */
  readonly decorators: boolean;
}

/** A service behind the gateway: it has a role of its own in the database, and the gateway finds it by `QUELL_<NAME>_URL`. */
export interface Backend extends Program {
  readonly role: Login;
  /** Whether it gets `QUELL_ADMIN_KEY`, to keep the hash of it. */
  readonly keepsKeys: boolean;
}

/** The programs of one stack. */
export interface Catalogue {
  /** In the order in which they stop. */
  readonly backends: readonly Backend[];
  readonly gateway: Program;
}

const main = (service: string) => fileURLToPath(new URL(`../../../services/${service}/src/main.ts`, import.meta.url));

/** Quell's services. */
export const quell: Catalogue = {
  backends: [
    { name: 'ingest', main: main('ingest'), decorators: true, role: 'ingest', keepsKeys: true },
    { name: 'mitigation', main: main('mitigation'), decorators: true, role: 'mitigation', keepsKeys: false },
    {
      name: 'device-registry',
      main: main('device-registry'),
      decorators: true,
      role: 'device_registry',
      keepsKeys: false,
    },
    { name: 'vpn-policy', main: main('vpn-policy'), decorators: true, role: 'vpn_policy', keepsKeys: false },
  ],
  gateway: { name: 'gateway', main: main('gateway'), decorators: false },
};
