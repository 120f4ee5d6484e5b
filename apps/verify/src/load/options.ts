import { Command } from 'commander';
import type { Typed } from './plan.ts';

const EXAMPLES = `
Examples:
  npm run load -- --clients 10000 --topics 20 --rate 50 --seconds 20
  npm run load -- --redis cluster --clients 5000 --topics 500 --rate 100
  npm run load -- --control http://127.0.0.1:7700 --key dev.secret --clients 1000

Exit codes: 0 every message arrived, once, in order · 1 a fault was found, or the run could not be completed ·
2 bad arguments · 3 the installation cannot be reached · 130 interrupted. Clients and topics of the run are removed in any case.`;

/** The command line. Parsing rejects with a CommanderError for what it does not know. */
export function command(): Command {
  return new Command('load')
    .description(
      'Registers clients, connects them, publishes at a rate, and verifies that every client receives exactly what was ' +
        'published on its topics: each message once, in order. Starts an installation for it, or uses the one of --control.',
    )
    .option('--clients <number>', 'clients, each with one connection', '1000')
    .option('--topics <number>', 'topics that are created', '20')
    .option('--subscriptions-per-client <number>', 'topics that each client has', '2')
    .option('--rate <number>', 'messages a second, over all topics', '10')
    .option('--seconds <number>', 'how long to publish', '10')
    .option('--size <bytes>', 'bytes of a message', '150')
    .option('--seed <number>', 'draws who has which topics, and the topics of the messages', '1')
    .option('--control <url>', 'the control API of a running installation')
    .option('--key <key>', 'an API key of it that may register, subscribe, publish and manage load.**')
    .option('--edges <number>', 'edges of an installation that is started here (default: as many as are needed)')
    .option('--redis <kind>', 'single, cluster or sentinel, of an installation that is started here (default: single)')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
}

export function typedOptions(parsed: Command): Typed {
  return parsed.opts<Typed>();
}
