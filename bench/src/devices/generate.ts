import { closeCapabilities, type DeviceCapability } from '@quell/contracts/device';
import type { IndexedDevice } from '@quell/device-registry/search/index/indexed-device';

export type BenchDevice = IndexedDevice;

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const families: readonly (readonly [name: string, capabilities: readonly DeviceCapability[]])[] = [
  ['PP16', ['relay']],
  ['PP20', ['relay', 'current-sensing']],
  ['IO', ['dimming']],
  ['SP5', ['relay']],
  ['CM', ['occupancy']],
  ['ES', ['photocell']],
  ['WSD', ['switch', 'occupancy']],
  ['PODM', ['switch']],
  ['LSXR', ['occupancy', 'relay']],
  ['AR40', ['relay', 'dimming']],
  ['BRG', []],
  ['ECY', []],
];
const suffixes: readonly (readonly [name: string, capabilities: readonly DeviceCapability[]])[] = [
  ['', []],
  ['D', ['dimming']],
  ['IM', ['current-sensing']],
  ['PC', ['photocell']],
  ['ADCX', ['photocell', 'dimming']],
  ['2P', ['occupancy']],
  ['9', []],
  ['9 2P', ['occupancy']],
  ['EFP', ['relay']],
  ['DX', ['dimming']],
  ['4S', ['switch']],
  ['KO', []],
  ['SA', ['relay']],
  ['D IM', ['dimming', 'current-sensing']],
  ['347', []],
];

interface Model {
  readonly name: string;
  readonly capabilities: readonly DeviceCapability[];
}

/** 360: wired ones begin with n, wireless ones with r. */
const models: readonly Model[] = ['n', 'r'].flatMap((radio) =>
  families.flatMap(([family, own]) =>
    suffixes.map(([suffix, more]): Model => {
      const wireless: DeviceCapability[] = radio === 'r' ? ['wireless'] : [];
      const name = suffix === '' ? `${radio}${family}` : `${radio}${family} ${suffix}`;
      return { name, capabilities: closeCapabilities([...own, ...more, ...wireless]) };
    }),
  ),
);

interface Language {
  readonly building: string;
  readonly floor: string;
  readonly room: string;
  readonly names: readonly string[];
}

const languages: readonly Language[] = [
  {
    building: 'Building',
    floor: 'Floor',
    room: 'Room',
    names: [
      'Conference',
      'Lobby',
      'Corridor',
      'Office',
      'Kitchen',
      'Stairwell',
      'Server room',
      'Reception',
      'Warehouse',
    ],
  },
  {
    building: 'Gebäude',
    floor: 'Stock',
    room: 'Raum',
    names: ['Konferenz', 'Eingang', 'Flur', 'Büro', 'Küche', 'Treppe', 'Serverraum', 'Empfang', 'Lager'],
  },
  {
    building: 'Bâtiment',
    floor: 'Étage',
    room: 'Salle',
    names: ['Conférence', 'Entrée', 'Couloir', 'Bureau', 'Cuisine', 'Escalier', 'Réserve', 'Accueil', 'Entrepôt'],
  },
  {
    building: 'Edificio',
    floor: 'Planta',
    room: 'Sala',
    names: ['Reuniones', 'Vestíbulo', 'Pasillo', 'Oficina', 'Cocina', 'Escalera', 'Servidores', 'Recepción', 'Almacén'],
  },
  {
    building: 'Budynek',
    floor: 'Piętro',
    room: 'Pokój',
    names: ['Konferencja', 'Wejście', 'Korytarz', 'Biuro', 'Kuchnia', 'Schody', 'Łącznik', 'Recepcja', 'Magazyn'],
  },
  {
    building: '棟',
    floor: '階',
    room: '室',
    names: ['会議', '玄関', '廊下', '事務', '台所', '階段', '倉庫', '受付', '食堂'],
  },
];
const places = ['north', 'south', 'east', 'west', 'ceiling', 'window', 'door', 'left', 'right', 'desk'];
const campuses = ['Berlin', 'Oslo', 'Lyon', 'Madrid', 'Kraków', 'Osaka', 'Austin', 'Leeds', 'Zürich', 'Quito'];
const tags = ['leased', 'new', 'spare', 'audit', 'retrofit', 'vip'];
const day = 86_400_000;

/** @returns `count` devices as several makers and owners would name them, the same for the same seed; no id twice. */
export function* generateDevices(count: number, seed = 4): Generator<BenchDevice> {
  const random = seededRandom(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const one = <T>(values: readonly T[]): T => values[below(values.length)]!;
  const hex = (digits: number) => Array.from({ length: digits }, () => below(16).toString(16)).join('');
  for (let index = 0; index < count; index++) {
    // Common models are far more common than rare ones.
    const model = models[Math.floor(models.length * random() ** 2)]!;
    const language = languages[Math.floor(languages.length * random() ** 2)]!;
    const building = 1 + below(20);
    const floor = below(10);
    const room = floor * 100 + 1 + below(40);
    const campus = one(campuses);
    const mac = `${one(['00:1b:21', 'ac:de:48', '3c:5a:b4'])}:${hex(2)}:${hex(2)}:${hex(2)}`;
    const hostname = random() < 0.35;
    const agent = random() < 0.05;
    const platforms = ['windows', 'linux', 'macos', 'android'] as const;
    yield {
      id: idOf(index, model.name, below, hex),
      model: random() < 0.02 ? '' : model.name,
      label: labelOf(),
      capabilities: model.capabilities,
      hostnames: hostname
        ? [`${agent ? 'pc' : 'nlight-ecy'}-${index % 100_000}.${campus.toLowerCase()}.example.org`]
        : [],
      ips: hostname ? [`10.${below(32)}.${below(256)}.${below(256)}`] : [],
      macs: random() < 0.4 ? [mac] : [],
      ...(agent ? { platform: one(platforms) } : random() < 0.5 ? { platform: 'other' as const } : {}),
      ...(random() < 0.95 ? { group: `${campus} / ${building} / ${floor}` } : {}),
      tags: random() < 0.2 ? [one(tags)] : [],
      ...(random() < 0.7 ? { lastSeenAt: 1_790_000_000_000 - below(30 * day) } : {}),
      version: 1,
    };

    function labelOf(): string {
      const shape = random();
      if (shape < 0.1) return '';
      const name = one(language.names);
      if (shape < 0.6)
        return `${language.building} ${building} ${language.floor} ${floor} ${language.room} ${room} ${name}`;
      if (shape < 0.8) return `${name} ${room} ${one(places)}`;
      if (shape < 0.95) return `${language.room} ${room} / ${name} ${one(places)} ${1 + below(8)}`;
      return `${campus} ${name} ${model.name} ${below(1000)}`;
    }
  }
}

/** Makers' formats: hexadecimal, serial numbers, the model and a number, UUIDs, MACs, years with letters. */
function idOf(index: number, model: string, below: (bound: number) => number, hex: (digits: number) => string): string {
  const serial = String(index).padStart(7, '0');
  switch (index % 10) {
    case 0:
    case 1:
    case 2:
      // An odd multiplier visits each number below 2^32 once.
      return (Math.imul(index, 0x9e3779b1) >>> 0).toString(16).toUpperCase().padStart(8, '0');
    case 3:
    case 4:
      return `IN-${serial}`;
    case 5:
      return `${model.replaceAll(' ', '-')}-${serial}`;
    case 6:
      return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(5)}${index.toString(16).padStart(7, '0')}`;
    case 7:
      return `00:50:C2:${(index >>> 16).toString(16).padStart(2, '0')}:${((index >>> 8) & 255).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;
    case 8:
      return `SN${2015 + below(11)}${String.fromCharCode(65 + below(26))}${serial}`;
    default:
      return `XP.${serial.slice(0, 3)}.${serial.slice(3)}/${below(10)}`;
  }
}
