import { readFileSync } from 'node:fs';
import { PROTOCOL_VERSION, SUBPROTOCOL } from '@holdfast/protocol/version';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** What a report of a fault should name. */
export const versions = {
  version,
  node: process.versions.node,
  protocol: PROTOCOL_VERSION,
  subprotocol: SUBPROTOCOL,
} as const;

export function versionLines(): string[] {
  return [
    `holdfast ${versions.version}`,
    `Node     ${versions.node}`,
    `protocol ${versions.protocol} (${versions.subprotocol})`,
  ];
}
