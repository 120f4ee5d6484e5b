import type { Capacity } from '../../api/edges.ts';
import { Badge, Facts, Share } from '../../components/facts.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { UNKNOWN, bytes, count, rate } from '../../state/format.ts';

const USED: readonly (readonly [name: keyof Capacity['used'], title: string])[] = [
  ['connections', 'Places for connections'],
  ['edgeCpu', 'CPU of the busiest host'],
  ['edgeMemory', 'Memory of the fullest host'],
  ['redisCpu', 'CPU of the busiest Redis'],
  ['redisMemory', 'Memory of the fullest Redis'],
];

/** What limits the installation first, by the model of docs/scaling.md. */
export function HeadRoom({ capacity: { used, limitedBy, headRoom } }: { readonly capacity: Capacity }) {
  return (
    <div class="stack">
      <ul class="used">
        {USED.map(([name, title]) => (
          <li key={name}>
            <span>
              {title} {limitedBy === name && <Badge kind="plain">limits first</Badge>}
            </span>
            {used[name] === null ? (
              <span class="hint">{name === 'redisMemory' ? 'maxmemory is not set' : 'not known'}</span>
            ) : (
              <Share value={used[name]} name={title} />
            )}
          </li>
        ))}
      </ul>
      <Facts
        facts={[
          ['More connections', count(headRoom.connections)],
          ['More clients', headRoom.clients === null ? UNKNOWN : count(headRoom.clients)],
          ['More publishes', perSecond(headRoom.publishesPerSecond)],
          ['More deliveries', perSecond(headRoom.deliveriesPerSecond)],
        ]}
      />
    </div>
  );
}

function perSecond(value: number | null): string {
  return value === null ? UNKNOWN : `${count(value)}/s`;
}

type Server = Capacity['redis'][number] & { readonly number: number };

const COLUMNS: readonly Column<Server>[] = [
  { name: 'Server', cell: ({ number }) => `Redis ${number}` },
  { name: 'CPU', numeric: true, cell: ({ cpu }) => <Share value={cpu} name="CPU" /> },
  {
    name: 'Memory',
    numeric: true,
    cell: ({ usedBytes, maxBytes }) => `${bytes(usedBytes)}${maxBytes === null ? '' : ` of ${bytes(maxBytes)}`}`,
  },
  { name: 'Commands/s', numeric: true, cell: ({ commandsPerSecond }) => rate(commandsPerSecond) },
];

/** Each Redis that holds data. */
export function RedisServers({ capacity: { redis } }: { readonly capacity: Capacity }) {
  if (redis.length === 0) {
    return (
      <Empty title="Redis may not be asked.">
        The user of control-api needs the command <code>INFO</code>.
      </Empty>
    );
  }
  const rows = redis.map((server, index) => ({ ...server, number: index + 1 }));
  return <Table caption="Redis servers" columns={COLUMNS} rows={rows} keyOf={({ number }) => String(number)} />;
}
