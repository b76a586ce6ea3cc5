/** Takes a data directory, says `taken` or why not, and keeps it until it is killed. */
import { takeDataDir } from '../src/data-dir.ts';

try {
  await takeDataDir(process.argv[2] ?? '');
  console.log('taken');
  process.stdin.on('end', () => process.exit(0)).resume();
} catch (error) {
  console.log((error as Error).message);
}
