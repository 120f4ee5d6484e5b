import { apiKeyId } from '@holdfast/protocol/api-key';
import { clientName } from '@holdfast/protocol/rest/clients';
import { identityPattern, presencePattern, publishPattern, topicName } from '@holdfast/protocol/topic-name';
import { clientInfo, userName } from '@holdfast/protocol/user';
import type { Command } from 'commander';
import { accepted, allAccepted, commaList, jsonValue, seconds } from '../arguments.ts';
import { CliError, exitCodes } from '../errors.ts';
import { invocationOf } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';
import { readSigningKey, signToken } from '../token-keys.ts';

interface TokenOptions {
  keyFile: string;
  sub: string;
  topics?: string[];
  ttl: number;
  client?: string;
  maySubscribe?: string[];
  mayPublish?: string[];
  mayPresence?: string[];
  info?: unknown;
  audience: string;
  issuer?: string;
}

/** As long as a token may be valid unless its API key says otherwise. */
const DEFAULT_TTL_SECONDS = 3600;
const MS_PER_SECOND = 1000;

/** `token`: mints one token, as the backend of an application does for a user that has logged in. */
export function addTokenCommand(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('mint a token, with which a browser registers itself; for trying, as a backend issues its own')
    .requiredOption('--key-file <path>', 'the private key that "key create --tokens" has given')
    .requiredOption('--sub <user>', 'the user that the token is for', accepted(userName))
    .option('--topics <topics>', 'what the client is subscribed to', commaList)
    .option('--ttl <time>', 'how long it is valid, as 90s, 15m or 1h', seconds, DEFAULT_TTL_SECONDS)
    .option(
      '--client <name>',
      'the name of the client, one for each device; otherwise that of the user',
      accepted(clientName),
    )
    .option('--may-subscribe <patterns>', 'topics that the client may subscribe to by itself', commaList)
    .option('--may-publish <patterns>', 'topics that it may publish to', commaList)
    .option('--may-presence <patterns>', 'topics whose presence it may see', commaList)
    .option('--info <json>', 'what others see of it, as JSON', jsonValue)
    .option('--audience <text>', 'the claim "aud"', 'holdfast')
    .option('--issuer <text>', 'the claim "iss"')
    .addHelpText(
      'after',
      '\n--key names the API key by its id, where the file does not.' +
        '\n\nExample:\n  $ npx holdfast token --key-file web.jwk.json --sub ann --topics news.sport --ttl 1h',
    )
    .action(async (options: TokenOptions, command: Command) => {
      const signing = await readSigningKey(options.keyFile);
      const kid = keyIdOf(command.optsWithGlobals<{ key?: string }>().key ?? signing.kid);
      const issuedAt = Math.floor(Date.now() / MS_PER_SECOND);
      const claims = {
        sub: options.sub,
        aud: options.audience,
        iss: options.issuer,
        iat: issuedAt,
        exp: issuedAt + options.ttl,
        hf: ownClaims(options),
      };
      const token = await signToken(signing, kid, claims);
      const expiresAt = new Date(claims.exp * MS_PER_SECOND).toISOString();
      // The token alone, for it is mostly put into a variable.
      invocationOf(command, terminal).print({ token, key: kid, user: options.sub, expiresAt }, [token]);
    });
}

/** The id alone, also where the whole API key is given. Raises CliError `key-id`. */
function keyIdOf(key: string | undefined): string {
  const id = apiKeyId.safeParse(key?.split('.')[0]);
  if (id.success) return id.data;
  throw new CliError(exitCodes.usage, 'key-id', 'The file does not say the id of the API key: name it with --key.');
}

function ownClaims({ client, topics, maySubscribe, mayPublish, mayPresence, info }: TokenOptions): object | undefined {
  const may = {
    subscribe: allAccepted('--may-subscribe', identityPattern, maySubscribe),
    publish: allAccepted('--may-publish', publishPattern, mayPublish),
    presence: allAccepted('--may-presence', presencePattern, mayPresence),
  };
  const claims = {
    client,
    topics: allAccepted('--topics', topicName, topics),
    may: Object.values(may).some((patterns) => patterns !== undefined) ? may : undefined,
    info: info === undefined ? undefined : allAccepted('--info', clientInfo, [info])?.[0],
  };
  return Object.values(claims).some((value) => value !== undefined) ? claims : undefined;
}
