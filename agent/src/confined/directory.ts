import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readdir, readlink, rename, rmdir, unlink } from 'node:fs/promises';

/** A path that would lead through a symbolic link or something that is no directory. `place` is the component. */
export class NotConfined extends Error {
  readonly place: string;
  constructor(place: string) {
    super(`${place} is a symbolic link or no directory`);
    this.name = 'NotConfined';
    this.place = place;
  }
}

const throughProc = process.platform === 'linux';
const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_CREAT, O_EXCL, O_RDWR } = constants;

/** Names are bytes: a file whose name is not valid UTF-8 must be found and put back under exactly that name. */
export const nameOf = (name: Buffer): string => name.toString('utf8');

/**
 * An open directory, and what can be done to its entries. Node has no `openat`: on Linux every call goes through
 * `/proc/self/fd/<fd>/<name>`, which the kernel resolves from the open directory itself, so that renaming it or putting a symbolic
 * link in its place changes nothing. Elsewhere the path is used and device + inode are compared before each call; what remains is the
 * moment between that comparison and the call.
 */
export class Directory {
  private readonly handle: FileHandle;
  private readonly path: Buffer;
  private readonly identity: BigIntStats;

  private constructor(handle: FileHandle, path: Buffer, identity: BigIntStats) {
    this.handle = handle;
    this.path = path;
    this.identity = identity;
  }

  /** Opens a root: the one place where a path is followed as it stands. */
  static async openRoot(path: string): Promise<Directory> {
    return Directory.from(Buffer.from(path), Buffer.from(path));
  }

  /** Opens a sub-directory. Throws NotConfined when `name` is a symbolic link or no directory. */
  async openDirectory(name: Buffer): Promise<Directory> {
    const path = join(this.path, name);
    try {
      return await Directory.from(await this.at(name), path);
    } catch (error) {
      if (isCode(error, 'ENOTDIR', 'ELOOP')) throw new NotConfined(nameOf(path));
      throw error;
    }
  }

  private static async from(openPath: Buffer, path: Buffer): Promise<Directory> {
    const handle = await open(openPath as unknown as string, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const identity = await handle.stat({ bigint: true });
      if (!identity.isDirectory()) throw new NotConfined(nameOf(path));
      return new Directory(handle, path, identity);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Device of the directory: a change between parent and child is a mount point. */
  get device(): bigint {
    return this.identity.dev;
  }

  /** Where this directory was when it was opened, for messages and for reading which file system it is on. */
  get openedAt(): Buffer {
    return this.path;
  }

  /** Names in byte order, so that two walks over the same files go the same way. */
  async names(): Promise<Buffer[]> {
    const self = throughProc ? Buffer.from(`/proc/self/fd/${this.handle.fd}`) : await this.unmoved();
    return (await readdir(self, { encoding: 'buffer' })).sort(Buffer.compare);
  }

  /** Facts about an entry itself, never about what a link points to. */
  async stat(name: Buffer): Promise<BigIntStats> {
    return lstat(await this.at(name), { bigint: true });
  }

  async linkTarget(name: Buffer): Promise<string> {
    return readlink(await this.at(name));
  }

  /** Opens a file for reading. O_NONBLOCK: a pipe put in its place must not hang the agent. */
  async openFile(name: Buffer): Promise<FileHandle> {
    return open((await this.at(name)) as unknown as string, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  }

  /** Makes a new file that only its owner can read; fails with EEXIST when the name is taken. */
  async createFile(name: Buffer): Promise<FileHandle> {
    return open((await this.at(name)) as unknown as string, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  }

  async createDirectory(name: Buffer, mode: number): Promise<void> {
    await mkdir(await this.at(name), { mode });
  }

  async unlink(name: Buffer): Promise<void> {
    await unlink(await this.at(name));
  }

  async removeDirectory(name: Buffer): Promise<void> {
    await rmdir(await this.at(name));
  }

  /** Gives a file a second name; fails with EEXIST instead of replacing anything. */
  async link(from: Buffer, to: Buffer): Promise<void> {
    await link(await this.at(from), await this.at(to));
  }

  async rename(from: Buffer, to: Buffer): Promise<void> {
    await rename(await this.at(from), await this.at(to));
  }

  /** Makes added and removed names durable, where the file system can: Windows and some FUSE file systems refuse. */
  async sync(): Promise<void> {
    if (process.platform === 'win32') return;
    await this.handle.sync().catch((error: unknown) => {
      if (!isCode(error, 'EINVAL', 'ENOTSUP')) throw error;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close();
  }

  private async at(name: Buffer): Promise<Buffer> {
    if (throughProc) return join(Buffer.from(`/proc/self/fd/${this.handle.fd}`), name);
    return join(await this.unmoved(), name);
  }

  private async unmoved(): Promise<Buffer> {
    const now = await lstat(this.path, { bigint: true });
    if (now.dev !== this.identity.dev || now.ino !== this.identity.ino) throw new NotConfined(nameOf(this.path));
    return this.path;
  }
}

const SEPARATOR = Buffer.from(process.platform === 'win32' ? '\\' : '/');

function join(directory: Buffer, name: Buffer): Buffer {
  return directory.subarray(-1).equals(SEPARATOR)
    ? Buffer.concat([directory, name])
    : Buffer.concat([directory, SEPARATOR, name]);
}

/** Whether an error carries one of these system codes. */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes(String((error as { code?: unknown } | undefined)?.code));
}
