import { type ApplicationEvent, driverEvent } from '../scenario/scenario.ts';
import { Failure, shown } from './failure.ts';

/**
 * What the application saw and no step has taken, in the order of each topic: between topics there is no order. Presence has
 * none with the messages of its topic.
 */
export class EventQueues {
  readonly #queues = new Map<string, ApplicationEvent[]>();

  /** Raises a Failure for a line that is none. Events that are not judged are ignored. */
  addLine(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new Failure('lines of JSON from the driver', shown(line));
    }
    const name = typeof value === 'object' && value !== null && 'event' in value ? value.event : undefined;
    if (typeof name !== 'string') throw new Failure('a string "event" in every line of the driver', shown(line));
    if (!driverEvent.options.some((option) => option.shape.event.value === name)) return;
    const parsed = driverEvent.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new Failure(
        `the event ${name} with its fields`,
        `${shown(line)} (${issue?.path.join('.')}: ${issue?.message})`,
      );
    }
    this.#queue(parsed.data).push(parsed.data);
  }

  /** Takes the next event of the queue that this one belongs to. */
  take(expected: ApplicationEvent): ApplicationEvent | undefined {
    return this.#queue(expected).shift();
  }

  get closed(): ApplicationEvent | undefined {
    return this.#queues.get('closed')?.[0];
  }

  /** The first event that no step has taken. */
  get left(): ApplicationEvent | undefined {
    return [...this.#queues.values()].find((queue) => queue.length > 0)?.[0];
  }

  #queue(event: ApplicationEvent): ApplicationEvent[] {
    const key = keyOf(event);
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = []));
    return queue;
  }
}

function keyOf(event: ApplicationEvent): string {
  if (event.event === 'closed') return 'closed';
  return event.event === 'presence' ? `presence ${event.topic}` : `topic ${event.topic}`;
}
