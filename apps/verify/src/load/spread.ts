import { mixSeeds, seededRandom } from '@holdfast/harness/random';

/**
 * Which topics each client has, as indexes: `perClient` different ones for each, the same for the same seed, and fair:
 * each block of as many clients as there are topics gives every topic `perClient` subscribers. Each block draws its own
 * offsets, so that a client shares its topics with ever different ones.
 */
export class Spread {
  readonly topics: number;
  readonly perClient: number;
  readonly #seed: number;
  readonly #offsets = new Map<number, readonly number[]>();

  /** `perClient` is at most `topics`. */
  constructor(topics: number, perClient: number, seed: number) {
    this.topics = topics;
    this.perClient = perClient;
    this.#seed = seed;
  }

  topicsOf(client: number): number[] {
    const block = Math.floor(client / this.topics);
    let offsets = this.#offsets.get(block);
    if (offsets === undefined) {
      offsets = this.#drawOffsets(block);
      this.#offsets.set(block, offsets);
    }
    return offsets.map((offset) => (client + offset) % this.topics);
  }

  /** How many of the clients `[0, clients)` have each topic. */
  subscribers(clients: number): number[] {
    const counts = Array.from({ length: this.topics }, () => 0);
    for (let client = 0; client < clients; client += 1) {
      for (const topic of this.topicsOf(client)) counts[topic] = (counts[topic] ?? 0) + 1;
    }
    return counts;
  }

  #drawOffsets(block: number): number[] {
    const random = seededRandom(mixSeeds(this.#seed, block));
    const drawn = new Set<number>();
    // Few of many: drawing again what is taken is cheap. Most of all: what is left is found by walking on.
    for (let index = 0; index < this.perClient; index += 1) {
      let offset = Math.floor(random() * this.topics);
      while (drawn.has(offset)) offset = (offset + 1) % this.topics;
      drawn.add(offset);
    }
    return [...drawn];
  }
}
