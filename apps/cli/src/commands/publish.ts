import type { Command } from 'commander';
import { messageOf } from '../arguments.ts';
import { clientNamed } from '../names/client-name.ts';
import { CliError, exitCodes } from '../errors.ts';
import { invocationOf } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';

interface PublishOptions {
  text?: true;
  client?: string;
  idempotencyKey?: string;
}

/** `publish`, to a topic or to one client. */
export function addPublishCommand(program: Command, terminal: Terminal): void {
  program
    .command('publish')
    .description('publish a message to a topic or, with --client, to one client')
    .argument('[topic]', 'left out with --client')
    .argument('[json]', 'the message; read from standard input when it is left out')
    .option('--text', 'the message is text: publish it as a string')
    .option('--client <client>', 'publish to this client alone, by its UUID or name; it arrives as topic @me')
    .option('--idempotency-key <key>', 'the same key within five minutes publishes nothing and gives the same id')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ npx holdfast publish news.sport \'{"score":"1:0"}\'\n' +
        '  $ date | npx holdfast publish news.time --text\n' +
        '  $ npx holdfast publish --client 3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11 \'"only for you"\'',
    )
    .action(
      async (first: string | undefined, second: string | undefined, options: PublishOptions, command: Command) => {
        const { text = false, client, idempotencyKey } = options;
        const [topic, message] = client === undefined ? [first, second] : [undefined, first];
        if (client === undefined ? topic === undefined : second !== undefined) {
          throw new CliError(exitCodes.usage, 'usage', 'Name either a topic or, with --client, a client. See --help.');
        }
        const data = await messageOf(terminal, message, text);
        const invocation = invocationOf(command, terminal);
        const rest = await invocation.rest();
        const how = { raw: true, idempotencyKey };
        const answer =
          client === undefined
            ? await rest.publish(topic ?? '', data, how)
            : await rest.publishToClient(await clientNamed(invocation, client), data, how);
        invocation.print(answer, [`${answer.topic} ${answer.id}`]);
      },
    );
}
