/** What a key has beside its rights. */
interface Doors {
  tokens?: { alg: string } | null | undefined;
  pusher?: { appId: string } | null | undefined;
}

type Rights = { register?: boolean | undefined } & Readonly<Record<string, boolean | readonly string[] | undefined>>;

/** What a key may, on one line. */
export function rightsText({ register, ...patterns }: Rights, { tokens = null, pusher = null }: Doors): string {
  const rights = Object.entries(patterns).flatMap(([right, granted]) =>
    Array.isArray(granted) && granted.length > 0 ? [`${right} ${granted.join(',')}`] : [],
  );
  return [
    ...(register === true ? ['register'] : []),
    ...rights,
    ...(tokens === null ? [] : [`tokens ${tokens.alg}`]),
    ...(pusher === null ? [] : [`app ${pusher.appId}`]),
  ].join('; ');
}

/** How many there are, of how many there may be. */
export function usedText(used: number | undefined, most: number | null): string {
  if (used === undefined) return most === null ? 'any number' : `at most ${most}`;
  return most === null ? String(used) : `${used} of ${most}`;
}

export function expiryText(expiresAt: string | null, now: number = Date.now()): string {
  if (expiresAt === null) return 'never';
  return isOver(expiresAt, now) ? `expired ${expiresAt}` : expiresAt;
}

export function isOver(expiresAt: string | null, now: number = Date.now()): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= now;
}
