import proxyAddress from '@fastify/proxy-addr';
import { type Setting, setting } from '@holdfast/service/config';

/** RFC 6454, section 6.2: a scheme, a host, and a port where it is not the usual one. Nothing behind it. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\\\s,]+$/i;
const WEB = /^https?:/i;

/** Origins of pages, with commas between them, as browsers write them; or `*` for any. */
export function origins(): Setting<string[]> {
  return setting(
    'must be origins such as https://app.example.com with commas between them, each with its scheme and without a path, or *',
    (value) => {
      const items = itemsOf(value).map(originOf);
      const known = items.filter((item) => item !== undefined);
      const any = known.includes('*');
      return known.length === items.length && (!any || items.length === 1) ? known : undefined;
    },
  );
}

/** Addresses and networks, with commas between them. */
export function networks(): Setting<string[]> {
  return setting(
    'must be addresses or networks such as 10.0.0.0/8 or fd00::/8 with commas between them, or loopback, linklocal, uniquelocal',
    (value) => {
      const items = itemsOf(value);
      return items.every(isNetwork) ? items : undefined;
    },
  );
}

function itemsOf(value: string): string[] {
  return value.split(',').map((item) => item.trim());
}

/** As a browser writes it: in small letters, without the usual port. Undefined for what no browser would write. */
function originOf(given: string): string | undefined {
  if (given === '*' || given === 'null') return given;
  if (!ORIGIN.test(given)) return undefined;
  return WEB.test(given) ? URL.parse(given)?.origin : given;
}

function isNetwork(given: string): boolean {
  try {
    proxyAddress.compile([given]);
    return given !== '';
  } catch (error) {
    // It throws at what it cannot read, and at nothing else.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
