import { type TestSocket, openSocket } from '@holdfast/testkit/socket';

/** A frame of the door. */
export interface DoorFrame {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
  readonly user_id?: string;
}

/** What pusher-js 8.6 sends. */
const QUERY = 'protocol=7&client=js&version=8.6.0&flash=false';

/** Opens a WebSocket at the door that sees and sends every byte. `using` it. */
export async function openFrames(
  url: string,
  key: string,
  { query = QUERY, headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<FrameSocket> {
  return new FrameSocket(await openSocket(`${url}/app/${key}?${query}`, { headers }));
}

export class FrameSocket implements Disposable {
  readonly socket: TestSocket;

  constructor(socket: TestSocket) {
    this.socket = socket;
  }

  /** The next frame with this event, of this channel if it is given; others are passed over. */
  async next(event: string, channel?: string): Promise<DoorFrame> {
    const frame: unknown = await this.socket.next(
      (each) => each['event'] === event && (channel === undefined || each['channel'] === channel),
    );
    return frame as DoorFrame;
  }

  /** Waits for the first frame, and gives the socket id. */
  async established(): Promise<string> {
    const { data } = await this.next('pusher:connection_established');
    return (JSON.parse(String(data)) as { socket_id: string }).socket_id;
  }

  /** Sends a frame; a text is sent as it is. */
  send(frame: DoorFrame | string): void {
    this.socket.send(frame);
  }

  subscribe(channel: string, fields: { auth?: string; channel_data?: string | null } = {}): void {
    this.send({ event: 'pusher:subscribe', data: { auth: '', ...fields, channel } });
  }

  get frames(): readonly DoorFrame[] {
    return this.socket.frames as unknown as DoorFrame[];
  }

  /** Byte for byte. */
  get texts(): readonly string[] {
    return this.socket.texts;
  }

  get closed(): Promise<{ code: number; reason: string }> {
    return this.socket.closed;
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}
