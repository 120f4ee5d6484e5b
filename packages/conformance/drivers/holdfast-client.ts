import { drive, printLine } from './client-driver.ts';

// The driver of @holdfast/client, on the WebSocket of Node, which shows what that of a page shows.
await drive({ print: printLine });
