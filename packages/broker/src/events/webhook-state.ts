/** What is known of an endpoint of webhooks, whoever delivers to it. Times are ms since 1970. */
export interface WebhookState {
  /** From when on events are for it. */
  readonly begins: number;
  /** Events that were delivered. */
  readonly delivered: number;
  readonly dropped: number;
  readonly lastDelivered: number | null;
  /** JSON of whoever delivers. */
  readonly lastError: string | null;
  /** Deliveries that wait for another try. */
  readonly failing: number;
  readonly pausedUntil: number | null;
  /** Why and when it was disabled, as `<reason> <ms>`. */
  readonly disabled: string | null;
  /** Since when no API key has its app; null when one has, or it needs none. */
  readonly waitingSince: number | null;
  /** When the oldest event happened that is not delivered. */
  readonly oldest: number | null;
  /** Requests of operators that are not done yet, each with a text of its own. */
  readonly enable: string | null;
  /** Begins with the time from which on events are to be sent again. */
  readonly replay: string | null;
}

/** Fields that whoever delivers writes; '' removes one. */
export type WrittenState = Partial<
  Record<
    | 'begins'
    | 'delivered'
    | 'lastDelivered'
    | 'lastError'
    | 'failing'
    | 'pausedUntil'
    | 'disabled'
    | 'waitingSince'
    | 'oldest',
    string
  >
>;

export function decodeWebhookState(fields: Readonly<Record<string, string | undefined>>): WebhookState {
  const numberAt = (name: string): number | null => (fields[name] === undefined ? null : Number(fields[name]));
  return {
    begins: numberAt('begins') ?? 0,
    delivered: numberAt('delivered') ?? 0,
    dropped: numberAt('dropped') ?? 0,
    lastDelivered: numberAt('lastDelivered'),
    lastError: fields['lastError'] ?? null,
    failing: numberAt('failing') ?? 0,
    pausedUntil: numberAt('pausedUntil'),
    disabled: fields['disabled'] ?? null,
    waitingSince: numberAt('waitingSince'),
    oldest: numberAt('oldest'),
    enable: fields['enable'] ?? null,
    replay: fields['replay'] ?? null,
  };
}
