import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The EICAR test file, put together here so that other scanners leave this repository alone. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('-');
export const EICAR_SHA256 = sha256Of(EICAR);

export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A fresh folder with `root` and `outside` in it; removed by `dispose`. */
export class Playground {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Playground> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'quell-agent-')));
    await mkdir(join(folder, 'root'));
    await mkdir(join(folder, 'outside'));
    return new Playground(folder);
  }

  get root(): string {
    return join(this.folder, 'root');
  }

  get outside(): string {
    return join(this.folder, 'outside');
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  /** Writes a file below the folder, making what is above it, and returns its path. */
  async put(path: string, content: string | Uint8Array): Promise<string> {
    const full = join(this.folder, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, content);
    return full;
  }

  /** Paths of all files below a folder whose content has this digest. */
  async copiesOf(sha256: string, under: string = this.folder): Promise<string[]> {
    const found: string[] = [];
    for (const entry of await readdir(under, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && sha256Of(await readFile(path)) === sha256) found.push(path);
    }
    return found;
  }

  async dispose(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
