/** `npm start`: everything on this machine with one command. */
import { quell } from './catalogue.ts';
import { runCommand } from './command.ts';

await runCommand(quell);
