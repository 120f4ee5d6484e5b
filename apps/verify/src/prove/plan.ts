import { REDIS_KINDS, type RedisKind } from '@holdfast/local/redis-kind';
import { integer } from '@holdfast/harness/options';
import { Command, Option } from 'commander';
import { DOORS, type DoorName } from './door-name.ts';
import { type CommonFault, type Fault, type ProfileName, type Scale, profiles } from './fault.ts';
import { commonFaults } from './faults/common.ts';

/** What the command line asked for, and the faults that the door has. */
export type Plan = PlanBasics & ({ door: 'native'; faults: Fault[] } | { door: 'pusher'; faults: CommonFault[] });

interface PlanBasics {
  profile: ProfileName;
  scale: Scale;
  redis: RedisKind;
  seed: number;
  /** How often each fault is run, each time with the next seed. */
  repeat: number;
  json: boolean;
  list: boolean;
  /** Random calls and faults in place of the catalogue, for so long; `calm` is without faults. */
  random: boolean;
  seconds: number;
  calm: boolean;
}

interface Typed {
  profile: ProfileName;
  only?: string[];
  door: DoorName;
  redis: RedisKind;
  seed: number;
  repeat: number;
  clients?: number;
  json?: true;
  list?: true;
  random?: true;
  seconds?: number;
  calm?: true;
}

const EXAMPLES = `
Examples:
  npm run prove -- --profile quick
  npm run prove -- --redis cluster --profile quick
  npm run prove -- --only edge-kill --only redis-kill-data --clients 1000
  npm run prove -- --door pusher --profile quick
  npm run prove -- --random --seconds 60 --seed 7

It starts installations of its own, each with its own Redis, and touches no other. Exit codes: 0 every promise held ·
1 a promise was broken, or a fault could not be run or carried through · 2 bad arguments · 130 interrupted.`;

const MAX_CLIENTS = 20_000;
const MAX_REPEAT = 1000;
const MAX_SECONDS = 86_400;
const DEFAULT_SECONDS = 60;

/** Reads the command line. Throws a CommanderError, after it has printed what is wrong. */
export function readPlan(args: readonly string[], catalog: readonly Fault[]): Plan {
  const command = new Command('prove')
    .description(
      'Breaks an installation in every way it knows, while verifying clients and publishers use it, and checks that ' +
        'nothing was lost silently, duplicated, reordered or invented.',
    )
    .addOption(
      new Option('--profile <name>', 'how much: quick in two minutes, or everything')
        .choices(Object.keys(profiles))
        .default('full'),
    )
    .option('--only <fault>', 'only this fault; may be repeated', collect)
    .addOption(
      new Option('--door <name>', 'by which clients come and publishers publish').choices(DOORS).default('native'),
    )
    .addOption(new Option('--redis <kind>', 'what Redis is made of').choices(REDIS_KINDS).default('single'))
    .option('--seed <number>', 'draws topics, members and victims', integer(0, 2 ** 31), 1)
    .option('--repeat <times>', 'run each fault so often, with the next seed each time', integer(1, MAX_REPEAT), 1)
    .option('--clients <number>', 'verifying clients in place of the number of the profile', integer(1, MAX_CLIENTS))
    .option('--random', 'calls of every kind and faults, drawn from the seed, in place of the faults of --list')
    .option(
      '--seconds <number>',
      `how long things happen in a random run (default: ${DEFAULT_SECONDS})`,
      integer(1, MAX_SECONDS),
    )
    .option('--calm', 'a random run without faults')
    .option('--json', 'print the report as JSON')
    .option('--list', 'list the faults, and what each one proves')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .parse([...args], { from: 'user' });
  const { profile, only, redis, seed, repeat, clients, json = false, list = false } = command.opts<Typed>();
  const { random = false, calm = false, seconds, door } = command.opts<Typed>();
  const alien = random
    ? { '--only': only, '--clients': clients, '--door': door === 'native' ? undefined : door }
    : { '--seconds': seconds, '--calm': calm || undefined };
  for (const [name, value] of Object.entries(alien)) {
    if (value === undefined) continue;
    command.error(`error: ${name} is ${random ? 'not for' : 'only for'} a run with --random`);
  }
  const unknown = only?.filter((name) => catalog.every((fault) => fault.name !== name)) ?? [];
  if (unknown.length > 0) {
    command.error(`error: no fault is called ${unknown.join(', ')}; --list names them all`);
  }
  const foreign =
    door === 'native' ? [] : (only ?? []).filter((name) => commonFaults.every((one) => one.name !== name));
  if (foreign.length > 0) {
    const names = commonFaults.map(({ name }) => name).join(', ');
    command.error(`error: not for --door ${door}: ${foreign.join(', ')}; there are ${names}`);
  }
  const others = catalog.filter((fault) => only?.includes(fault.name) && !isAbout(fault, redis));
  if (others.length > 0) {
    const names = others.map(({ name, on = [] }) => `${name} (${on.join(', ')})`).join(', ');
    command.error(`error: not about a ${redis} Redis: ${names}; see --redis`);
  }
  const isWanted = (fault: Fault) =>
    (only === undefined ? profile === 'full' || fault.quick : only.includes(fault.name)) && isAbout(fault, redis);
  const scale = profiles[profile];
  return {
    ...(door === 'native'
      ? { door, faults: catalog.filter(isWanted) }
      : { door, faults: commonFaults.filter(isWanted) }),
    profile,
    scale: { ...scale, members: clients ?? scale.members, stormMembers: clients ?? scale.stormMembers },
    redis,
    seed,
    repeat,
    json,
    list,
    random,
    seconds: seconds ?? DEFAULT_SECONDS,
    calm,
  };
}

function isAbout({ on }: Fault, redis: RedisKind): boolean {
  return on === undefined || on.includes(redis);
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}
