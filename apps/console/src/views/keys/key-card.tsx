import type { ApiKey } from '../../api/keys.ts';
import { Card } from '../../components/card.tsx';
import { Ago, Badge, Facts, Share } from '../../components/facts.tsx';
import { count, date, duration } from '../../state/format.ts';
import { ownKey } from '../../state/session.ts';

/** A key that ends within so long should have a successor. */
const SOON_MS = 14 * 86_400_000;

export function KeyCard({ apiKey }: { readonly apiKey: ApiKey }) {
  const { id, can, used, maxClients, maxTopics, maxHistoryMessages, tokens, lastUsedAt } = apiKey;
  return (
    <Card
      title={id}
      about={
        lastUsedAt === null ? (
          'Never used'
        ) : (
          <>
            Last used <Ago at={lastUsedAt} /> ago
          </>
        )
      }
      actions={
        <>
          {id === ownKey.value?.id && <Badge kind="plain">this page's</Badge>}
          {tokens !== null && <Badge kind="plain">issues tokens</Badge>}
          <Expiry apiKey={apiKey} />
        </>
      }
    >
      <div class="key-card">
        <Rights can={can} />
        <div class="stack">
          <ul class="used">
            <Used name="Clients" value={used.clients} most={maxClients} />
            <Used name="Topics it made" value={used.topics} most={maxTopics} />
            <Used name="Messages of their histories" value={used.historyMessages} most={maxHistoryMessages} />
          </ul>
          {tokens !== null && (
            <Facts
              facts={[
                ['Tokens are signed with', tokens.alg],
                ['Issuer', tokens.issuer ?? 'any'],
                ['Audience', tokens.audience],
                ['Valid at most', duration(tokens.maxSeconds)],
                ['Verified with', tokens.jwksUrl ?? 'a key in the file'],
              ]}
            />
          )}
        </div>
      </div>
    </Card>
  );
}

function Expiry({ apiKey: { expiresAt, expired } }: { readonly apiKey: ApiKey }) {
  if (expiresAt === null) return <Badge kind="plain">no end</Badge>;
  const at = Date.parse(expiresAt);
  const left = at - Date.now();
  if (expired || left <= 0) return <Badge kind="fail">expired {date(at)}</Badge>;
  const text = `ends in ${duration(left / 1000)}`;
  return <Badge kind={left < SOON_MS ? 'warn' : 'plain'}>{text}</Badge>;
}

/** Rights in the order in which they are read: what, and over which topics. */
const PATTERNS = [
  ['subscribe', 'Subscribe to'],
  ['publish', 'Publish to'],
  ['create', 'Make on demand'],
  ['presence', 'See who is on'],
  ['manage', 'Manage'],
] as const;

function Rights({ can }: { readonly can: ApiKey['can'] }) {
  const given = PATTERNS.filter(([right]) => can[right].length > 0);
  return (
    <dl class="rights">
      {can.register && (
        <div>
          <dt>Register</dt>
          <dd>clients</dd>
        </div>
      )}
      {given.map(([right, title]) => (
        <div key={right}>
          <dt>{title}</dt>
          <dd>
            <Patterns patterns={can[right]} />
          </dd>
        </div>
      ))}
      {!can.register && given.length === 0 && (
        <div>
          <dt>Nothing</dt>
          <dd>It has no right at all.</dd>
        </div>
      )}
    </dl>
  );
}

const IN_WORDS: Readonly<Record<string, string>> = { '**': 'everything', '@users': 'users' };

function Patterns({ patterns }: { readonly patterns: readonly string[] }) {
  return (
    <ul class="patterns">
      {patterns.map((pattern) => (
        <li key={pattern}>
          <code>{pattern}</code>
          {IN_WORDS[pattern] !== undefined && <span class="hint"> {IN_WORDS[pattern]}</span>}
        </li>
      ))}
    </ul>
  );
}

interface UsedProps {
  readonly name: string;
  readonly value: number;
  /** null: any number. */
  readonly most: number | null;
}

function Used({ name, value, most }: UsedProps) {
  return (
    <li>
      <span>{name}</span>
      {most === null ? (
        <span>
          {count(value)} <span class="hint">no limit</span>
        </span>
      ) : (
        <span class="row">
          <span>
            {count(value)} <span class="hint">of {count(most)}</span>
          </span>
          <Share value={most === 0 ? 1 : value / most} name={name} />
        </span>
      )}
    </li>
  );
}
