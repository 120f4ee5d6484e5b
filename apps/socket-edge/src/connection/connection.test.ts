import { expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { newCounters } from '../counters.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';

it('knows how far it got on each incarnation of a topic that it has left, as Redis may go back to an older one', () => {
  const connection = new Connection(someClaim(), new RecordingTransport(), 'open', newCounters());
  connection.leave({ topic: 'news', incarnation: '1', position: '100-5', read: 1 });
  connection.leave({ topic: 'news', incarnation: '2', position: '200-1', read: 2 });
  expect(connection.leftAt('news', '1')).toBe('100-5');
  expect(connection.leftAt('news', '2')).toBe('200-1');
  expect(connection.leftAt('news', '3')).toBeUndefined();
});
