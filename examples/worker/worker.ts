import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@holdfast/client';
import { createBackend } from '@holdfast/server';
import { type State, readState, writeState } from './state.ts';

interface Order {
  readonly number: number;
  readonly amount: number;
}

const { env } = process;
const controlUrl = env['HOLDFAST_CONTROL_URL'] ?? '';
const file = env['STATE_FILE'] ?? 'worker-state.json';
const workMs = Number(env['WORK_MS'] ?? 300);
const TOPIC = 'orders';

let state = readState(file);
const save = (changes: Partial<State>): void => void (state = writeState(file, { ...state, ...changes }));

// Registered once, and then the same client for ever: its subscription lasts, connected or not.
if (state.clientId === null) {
  const holdfast = createBackend({ controlUrl, key: env['HOLDFAST_KEY'] ?? '' });
  const registration = await holdfast.register({ topics: [TOPIC] });
  save({ clientId: registration.clientId, urls: registration.connect.urls });
}

const { clientId, urls, position } = state;
const client = connect({
  clientId: clientId ?? '',
  urls,
  controlUrl,
  positions: position === null ? {} : { [TOPIC]: position }, // goes on after the last message that was finished
});
// The first time there is no position yet: it begins here, whatever happens before the first message is finished.
client.on('welcome', ({ topics }) => state.position ?? save({ position: topics[TOPIC]?.position ?? null }));
client.on('lost', ({ after }) =>
  console.error(`away for longer than the history reaches: orders after ${after} are gone`),
);
process.once('SIGTERM', () => client.close());

console.log(`worker ${process.pid} starts with ${state.orders} orders finished`);
for await (const { id, data } of client.messages(TOPIC)) {
  const { number, amount } = data as unknown as Order;
  await delay(workMs); // the work
  // The result and the position are one write. In two, a crash between them would lose the order or count it twice.
  save({ position: id, orders: state.orders + 1, total: state.total + amount });
  console.log(`finished order ${number}: ${state.orders} orders, ${state.total} in all`);
  if (client.state === 'closed') break;
}

const { reason } = await client.closed;
if (reason === 'unregistered') save({ clientId: null }); // forgotten, after 30 days away: the next start registers anew
if (reason !== 'closed') {
  console.error(`worker ended: ${reason}`);
  process.exitCode = 1;
}
