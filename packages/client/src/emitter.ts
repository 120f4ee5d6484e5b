type Listeners<Events> = { [Type in keyof Events]?: Set<(event: Events[Type]) => void> };

/** Typed events. What a listener throws goes to `onThrow`, never to the emitting code. */
export class Emitter<Events> {
  readonly #listeners: Listeners<Events> = {};
  readonly #onThrow: (error: unknown, type: keyof Events) => void;

  constructor(onThrow: (error: unknown, type: keyof Events) => void) {
    this.#onThrow = onThrow;
  }

  /** Gives the function that takes the listener away again. */
  on<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void): () => void {
    const listeners = (this.#listeners[type] ??= new Set());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  hasListener(type: keyof Events): boolean {
    return (this.#listeners[type]?.size ?? 0) > 0;
  }

  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const listener of this.#listeners[type] ?? []) {
      try {
        listener(event);
      } catch (error) {
        this.#onThrow(error, type);
      }
    }
  }
}
