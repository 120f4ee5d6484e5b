import { type Setting, setting } from '@holdfast/service/config';

/** In place of a list of origins. */
export const ANY_ORIGIN = '*';
const NO_ORIGIN = 'none';

/** Origins as browsers send them (RFC 6454, 6.2): anything else would never match. */
export function origins(): Setting<string[]> {
  return setting(
    'must be none, *, or origins (https://app.example.com, without a path) with commas between them',
    (value) => {
      if (value === NO_ORIGIN) return [];
      const items = value.split(',').map((item) => item.trim());
      return value === ANY_ORIGIN || items.every(isOrigin) ? items : undefined;
    },
  );
}

function isOrigin(item: string): boolean {
  const parsed = URL.parse(item);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.origin === item && !item.includes('*');
}
