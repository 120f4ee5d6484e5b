import { drive, printLine } from '../client-driver.ts';
import { brokenWebSocket } from './broken-socket.ts';
import { faults } from './faults.ts';

// The driver of @holdfast/client with one fault, named by its argument: each scenario has to find one of them.

const [name = ''] = process.argv.slice(2);
const fault = faults[name];
if (fault === undefined) throw new Error(`there is no fault "${name}"`);

fault.begin?.();
await drive({
  print: (event) => (fault.print?.({ event: '', ...event }) ?? [event]).forEach(printLine),
  options: {
    WebSocket: brokenWebSocket(fault.socket ?? {}),
    webSocketOptions: fault.webSocketOptions,
    ...(fault.fetch !== undefined && { fetch: fault.fetch }),
  },
  ...(fault.giveTokens !== undefined && { giveTokens: fault.giveTokens }),
  ...(fault.onCommand !== undefined && { onCommand: fault.onCommand }),
});
