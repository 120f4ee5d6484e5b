import { fileURLToPath } from 'node:url';
import { Argument, type Command } from 'commander';
import { FILES, candidatesFor } from '../completion/candidates.ts';
import { SHELLS, type Shell, completionScript } from '../completion/scripts.ts';
import { valuesFrom } from '../completion/values.ts';
import { printable } from '../output.ts';
import type { Terminal } from '../terminal.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

/** `completion`, and `complete`, which its scripts call. */
export function addCompletionCommands(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .description('print a script that completes commands, options and names in a shell')
    .addArgument(new Argument('<shell>', 'the shell that is to run it').choices(SHELLS))
    .addHelpText(
      'after',
      '\nExamples, for the start-up file of the shell:' +
        '\n  $ source <(npx holdfast completion bash)       # ~/.bashrc' +
        '\n  $ source <(npx holdfast completion zsh)        # ~/.zshrc' +
        '\n  $ npx holdfast completion fish | source        # ~/.config/fish/config.fish' +
        '\n\nNames of topics, clients, edges and keys are asked of the installation, for 0.8 s at most.',
    )
    .action((shell: Shell) => {
      for (const line of completionScript(shell, PROGRAM).trimEnd().split('\n')) terminal.out(line);
    });

  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'what was typed after the name of the program; the last is at the cursor')
    .action(async (words: string[]) => {
      const found = await candidatesFor(program, words, (place) => valuesFrom(terminal, place));
      if (found === FILES) return terminal.out(':files');
      for (const { word, about } of found) terminal.out(`${word}\t${printable(about)}`);
    });
}
