import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { changesOf, valueAt, withValue } from './chart/changes.ts';
import { firstKeysScript } from './chart/first-keys.ts';
import {
  CHART,
  HelmError,
  type Rendered,
  type Values,
  containerOf,
  helm,
  merged,
  podOf,
  printedBy,
  readValues,
  render,
  valuesFiles,
  variablesOf,
} from './chart/helm.ts';
import type { Manifest, Mount } from './chart/manifest.ts';
import { isValid, schemaPaths } from './chart/schema.ts';
import { knownVariables } from './known-variables.ts';

/** Variables that are Node's, a part of another one, or of ci/all-values.yaml. */
const OTHERS = ['NODE_EXTRA_CA_CERTS', 'REDIS_PASSWORD', 'NODE_IP'];
const PARTS = ['control-api', 'socket-edge'];

const defaults = readValues('values.yaml');
const files = [...valuesFiles('ci'), ...valuesFiles('examples')];
const withDefaults: [name: string, values: Values][] = [['the defaults', {}], ...files];
const [groups, paths] = [true, false].map((isGroup) =>
  schemaPaths(defaults).filter((path) => path.endsWith('.') === isGroup),
) as [string[], string[]];

/** What is refused for what it combines makes no objects. */
function textOf(values: Values): string {
  try {
    return printedBy(values);
  } catch (error) {
    if (error instanceof HelmError) return '';
    throw error;
  }
}

function edgeOf(given: Values): Manifest {
  return render({ socketEdge: given }).one('Deployment', 'socket-edge');
}

function advertisedBy(given: Values): unknown {
  return variablesOf(edgeOf(given))['EDGE_ADVERTISE_URL'];
}

function imageOf(given: Values): string {
  return containerOf(render(given).one('Deployment', 'socket-edge')).image;
}

function edgeImage(image: Values): Values {
  return { socketEdge: { image } };
}

/** The variables of control-api with this Redis. */
function withRedis(redis: Values): Values {
  return variablesOf(render({ redis }).one('Deployment', 'control-api'));
}

function fromSecret(name: string, key: string): unknown {
  return { secretKeyRef: { name, key } };
}

function keysMount({ one }: Rendered): Mount | undefined {
  return containerOf(one('Deployment', 'control-api')).volumeMounts?.find(({ name }) => name === 'api-keys');
}

function ofType(type: string): Values {
  return { service: { type } };
}

describe('the values of the chart', () => {
  const templates = readdirSync(join(CHART, 'templates'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
    .map((name) => readFileSync(join(CHART, 'templates', name), 'utf8'))
    .join('\n');

  test.each(withDefaults)('are valid by the schema: %s', (_name, given) => {
    isValid(merged(defaults, given));
    expect(isValid.errors).toBeNull();
  });

  test('are those of the schema, each with a default', () => {
    expect(paths.filter((path) => valueAt(defaults, path.split('.')) === undefined)).toEqual([]);
    expect(
      Object.keys(defaults).filter((key) => !paths.concat(groups).some((path) => path.split('.')[0] === key)),
    ).toEqual([]);
    expect(isValid({ ...defaults, replicas: 3 })).toBe(false);
  });

  test('that are misspelled, or of no type that fits, are refused by the schema', () => {
    expect(paths.filter((path) => isValid(withValue(defaults, path.split('.'), null)))).toEqual([]);
    // Charts around this one put what they like into `global`.
    const strict = groups.filter((group) => group !== 'global.');
    expect(strict.filter((group) => isValid(withValue(defaults, `${group}misspelled`.split('.'), 'x')))).toEqual([]);
  });

  test('are used by a template, each of them, and those that a template uses are declared', () => {
    const isUsed = (path: string): boolean => new RegExp(`[."]${path.split('.').at(-1)}\\b`).test(templates);
    expect(paths.filter((path) => !isUsed(path))).toEqual([]);
    const declared = [...paths, ...groups.map((group) => group.slice(0, -1))];
    const used = [...templates.matchAll(/\.Values\.(\w+(?:\.\w+)*)/g)].map(([, path = '']) => path);
    expect(used.filter((path) => !declared.includes(path))).toEqual([]);
  });
});

const NOT_RUN = 'NOT RUN, as helm is not on PATH and HELM names none';
if (helm === null) process.stdout.write(`The templates of the chart: ${NOT_RUN}.\n`);

describe.skipIf(helm === null)(`the objects of the chart${helm === null ? `: ${NOT_RUN}` : ''}`, () => {
  const all = readValues('ci/all-values.yaml');

  test.each(withDefaults)('are made of %s', (_name, given) => {
    const { objects, one } = render(given);
    for (const part of PARTS) {
      const container = containerOf(one('Deployment', part));
      expect(container.securityContext).toEqual(defaults['containerSecurityContext']);
      // The image says how it is started, with which flags of Node.
      expect(Object.keys(container).filter((key) => ['command', 'args'].includes(key))).toEqual([]);
      expect(podOf(one('Deployment', part))).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true },
      });
      const { volumeMounts: mounts = [] } = container;
      const { volumes = [] } = podOf(one('Deployment', part));
      expect(volumes.map(({ name }) => name)).toEqual(expect.arrayContaining(mounts.map(({ name }) => name)));
      // Two mounts under one path are refused by the API server.
      expect(new Set(mounts.map(({ mountPath }) => mountPath)).size).toBe(mounts.length);
      const variables = Object.entries(variablesOf(one('Deployment', part)));
      expect(variables.filter(([, value]) => value === undefined)).toEqual([]);
      expect(
        variables.map(([name]) => name).filter((name) => !knownVariables.has(name) && !OTHERS.includes(name)),
      ).toEqual([]);
    }
    const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  test('differ when a value does, each of them', () => {
    const bases = [all, ...valuesFiles('ci').map(([, given]) => given), {}].map((given) => merged(defaults, given));
    const made = bases.map(textOf);
    const without = paths.filter(
      (path) =>
        !bases.some((base, index) =>
          changesOf(base, path.split('.'))
            .filter((changed) => isValid(changed))
            .slice(0, 2)
            .some((changed) => ![made[index], ''].includes(textOf(changed))),
        ),
    );
    expect(without).toEqual([]);
  });

  test('are not made of what makes no sense together, and one message names all of it', () => {
    const redis = { url: '', clusterNodes: ['a:1'], sentinels: ['b:1'] };
    const monitors = { serviceMonitor: { enabled: true }, podMonitor: { enabled: true } };
    expect(() => render({ redis, ...monitors, socketEdge: { ingress: { enabled: true } } })).toThrow(
      /redis\.url or redis\.existingSecret[^]*clusterNodes and redis\.sentinels[^]*sentinelName[^]*count everything twice[^]*socketEdge\.ingress\.hosts/,
    );
  });

  it('take images by registry, tag and digest', () => {
    expect(imageOf({})).toBe('holdfast/socket-edge:0.1.0');
    expect(imageOf(edgeImage({ registry: 'ghcr.io/acme', tag: '9.9.9' }))).toBe(
      'ghcr.io/acme/holdfast/socket-edge:9.9.9',
    );
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(imageOf(edgeImage({ tag: '9.9.9', digest }))).toBe(`holdfast/socket-edge@${digest}`);
    expect(imageOf({ global: { imageRegistry: 'mirror' }, ...edgeImage({ registry: 'ghcr.io/acme' }) })).toBe(
      'mirror/holdfast/socket-edge:0.1.0',
    );
  });

  it('trust the authority of the Redis in both services, from a Secret or a ConfigMap', () => {
    for (const [field, source] of [
      ['caSecret', { secret: { secretName: 'redis-ca', defaultMode: 0o440 } }],
      ['caConfigMap', { configMap: { name: 'redis-ca' } }],
    ] as const) {
      const { one } = render({ redis: { tls: { [field]: 'redis-ca', caKey: 'tls.crt' } } });
      for (const part of ['control-api', 'socket-edge']) {
        const deployment = one('Deployment', part);
        const file = variablesOf(deployment)['NODE_EXTRA_CA_CERTS'];
        const mount = containerOf(deployment).volumeMounts?.find(({ name }) => name === 'redis-ca');
        expect(file).toBe(`${mount?.mountPath}/tls.crt`);
        expect(podOf(deployment).volumes).toContainEqual({ name: 'redis-ca', ...source });
      }
    }
  });

  it('find the Redis, in each of its forms, without its password outside of a Secret', () => {
    expect(withRedis({ url: 'redis://:p@r' })).toMatchObject({ REDIS_URL: fromSecret('holdfast-redis', 'REDIS_URL') });
    expect(withRedis({ existingSecret: 's', existingSecretKey: 'url' })).toMatchObject({
      REDIS_URL: fromSecret('s', 'url'),
    });
    const url = 'rediss://u:$(REDIS_PASSWORD)@r';
    const withPassword = render({ redis: { url, passwordSecret: 's' } });
    const { env } = containerOf(withPassword.one('Deployment', 'control-api'));
    expect(withRedis({ url, passwordSecret: 's' })).toMatchObject({
      REDIS_URL: url,
      REDIS_PASSWORD: fromSecret('s', 'password'),
    });
    // Kubernetes puts a variable into a later one only.
    const order = env.map(({ name }) => name);
    expect(order.indexOf('REDIS_PASSWORD')).toBeLessThan(order.indexOf('REDIS_URL'));
    expect(withRedis({ clusterNodes: ['a:1', 'b:2'] })).toMatchObject({ REDIS_CLUSTER_NODES: 'a:1,b:2' });
    expect(withRedis({ sentinels: ['a:1', 'b:2'], sentinelName: 'main' })).toMatchObject({
      REDIS_SENTINELS: 'a:1,b:2',
      REDIS_SENTINEL_NAME: 'main',
    });
    const { objects, text } = render({ redis: { url: 'redis://:hidden@r' } });
    const outside = objects.filter(({ kind }) => kind !== 'Secret');
    expect(text).toContain('hidden');
    expect(JSON.stringify(outside)).not.toContain('hidden');
  });

  it('give control-api the keys file read-only, or on a volume that it may write to', () => {
    const readOnly = render({});
    expect(variablesOf(readOnly.one('Deployment', 'control-api'))['API_KEYS_FILE']).toBe(
      `${keysMount(readOnly)?.mountPath}/api-keys.json`,
    );
    expect(keysMount(readOnly)).toMatchObject({ readOnly: true });
    expect(podOf(readOnly.one('Deployment', 'control-api')).volumes?.[0]).toMatchObject({
      secret: { secretName: 'holdfast-api-keys' },
    });

    const writable = render({ apiKeys: { file: '{"keys":[]}', writable: { enabled: true } } });
    expect(keysMount(writable)).not.toHaveProperty('readOnly');
    const pod = podOf(writable.one('Deployment', 'control-api'));
    expect(pod.volumes).toContainEqual({
      name: 'api-keys',
      persistentVolumeClaim: { claimName: 'holdfast-api-keys' },
    });
    expect(pod.initContainers?.[0]?.command).toEqual(['node', '-e', firstKeysScript()]);
    expect(pod.initContainers?.[0]?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([
      '/etc/holdfast',
      '/etc/holdfast-first-keys',
    ]);
    const claim = writable.one('PersistentVolumeClaim');
    expect(claim.spec.accessModes).toEqual(['ReadWriteMany']);
    expect(claim.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    const named = render({ apiKeys: { writable: { enabled: true, existingClaim: 'mine' } } });
    expect(named.of('PersistentVolumeClaim')).toEqual([]);
    expect(podOf(named.one('Deployment', 'control-api')).volumes?.[0]).toMatchObject({
      persistentVolumeClaim: { claimName: 'mine' },
    });
  });

  it('pass webhooks and traces on, and nothing of them when they are off', () => {
    const on = variablesOf(render(all).one('Deployment', 'control-api'));
    expect(on).toMatchObject({
      WEBHOOKS_FILE: '/etc/holdfast-webhooks/webhooks.json',
      WEBHOOKS_ALLOW_PRIVATE: '1',
      WEBHOOKS_BUFFER_MIB: '256',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.monitoring:4318',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    });
    const off = Object.keys(variablesOf(render({}).one('Deployment', 'control-api')));
    expect(off.filter((name) => /^(WEBHOOKS|OTEL)/.test(name))).toEqual([]);
  });

  it('wait for the drain of an edge before it is killed', () => {
    expect(podOf(edgeOf({ preStopSeconds: 7, drainSeconds: 100 })).terminationGracePeriodSeconds).toBe(7 + 100 + 15);
    expect(containerOf(edgeOf({ preStopSeconds: 7 })).lifecycle).toEqual({
      preStop: { exec: { command: ['node', '-e', 'setTimeout(() => {}, 7000)'] } },
    });
  });

  it('advertise the address that clients reach', () => {
    const ingress = { enabled: true, hosts: ['push.example.com'] };
    expect(advertisedBy({})).toBe('ws://holdfast-socket-edge.push.svc:80');
    expect(advertisedBy({ ingress: { ...ingress, tlsSecret: 'tls' } })).toBe('wss://push.example.com');
    expect(advertisedBy({ ingress })).toBe('ws://push.example.com');
    const httpRoute = { enabled: true, parentRefs: [{ name: 'public' }], hostnames: ['push.example.com'] };
    expect(advertisedBy({ httpRoute })).toBe('wss://push.example.com');
    expect(advertisedBy({ ingress, advertiseUrl: 'wss://named.example.com' })).toBe('wss://named.example.com');
  });

  it('publish no health and no metrics, whatever the type of the Service', () => {
    const services = render({ socketEdge: ofType('LoadBalancer'), controlApi: ofType('NodePort') }).of('Service');
    const published = services.filter(({ spec }) => spec.type !== undefined);
    expect(new Set(published.map(({ spec }) => spec.type))).toEqual(new Set(['LoadBalancer', 'NodePort']));
    for (const { spec } of published) expect(spec.ports?.map(({ targetPort }) => targetPort)).toEqual(['http']);
    const inside = services.filter(({ spec }) => spec.type === undefined);
    for (const { spec } of inside) expect(spec).toMatchObject({ clusterIP: 'None', ports: [{ name: 'admin' }] });
  });

  test.each(valuesFiles('examples'))(
    'lead to each part only the paths that it has for clients and backends: %s',
    (_name, given) => {
      const { of, one } = render(given);
      const led = [...of('Ingress'), ...of('HTTPRoute')].map(({ metadata, spec: { rules = [] } }) => [
        metadata.name,
        rules.flatMap(({ http, matches = [] }) => [
          ...(http?.paths.map(({ path }) => path) ?? []),
          ...matches.map(({ path }) => path.value),
        ]),
      ]);
      expect(Object.fromEntries(led)).toEqual({
        'holdfast-control-api': ['/v1', '/apps'],
        'holdfast-socket-edge': ['/v1/connect', '/app'],
      });
      for (const part of PARTS) {
        const names = Object.keys(variablesOf(one('Deployment', part)));
        expect(names.filter((name) => name.endsWith('_TRUSTED_PROXIES'))).toHaveLength(1);
      }
      const { EDGE_ADVERTISE_URL: url } = variablesOf(one('Deployment', 'socket-edge'));
      expect(url).toBe('wss://push.example.com');
    },
  );

  it('let the two services reach Redis, DNS and what they need, and not each other', () => {
    const given = { networkPolicy: { enabled: true }, tracing: { endpoint: 'https://collector.example.com' } };
    const { one } = render(given);
    const ports = (part: string): unknown[] =>
      one('NetworkPolicy', part).spec.egress?.flatMap((rule) => rule.ports.map(({ port }) => port)) ?? [];
    expect(ports('socket-edge')).toEqual([53, 53, 6379, 26379, 443]);
    expect(ports('control-api')).toEqual([53, 53, 6379, 26379, 443, 443]);
    const https = one('NetworkPolicy', 'control-api').spec.egress?.at(-1)?.to;
    expect(JSON.stringify(https)).toMatch(/10\.0\.0\.0\/8.*172\.16\.0\.0\/12.*192\.168\.0\.0\/16.*fc00::\/7/);
    for (const part of PARTS) {
      const { spec } = one('NetworkPolicy', part);
      expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
      expect(JSON.stringify([spec.ingress, spec.egress])).not.toContain('app.kubernetes.io/component');
      expect(spec.podSelector).toEqual(one('Deployment', part).spec.selector);
      expect(spec.ingress?.[1]).toMatchObject({ from: [{ namespaceSelector: {} }] });
    }
  });

  it('are found by Prometheus once, by Services or by pods', () => {
    const byService = render({ serviceMonitor: { enabled: true, labels: { release: 'p' } } });
    const { spec } = byService.one('ServiceMonitor');
    const scraped = spec.endpoints?.map(({ port }) => port) ?? [];
    const found = byService
      .of('Service')
      .filter(({ spec: { ports = [] } }) => ports.some(({ name }) => scraped.includes(name)));
    expect(found.map(({ metadata }) => metadata.name)).toEqual([
      'holdfast-control-api-admin',
      'holdfast-socket-edge-admin',
    ]);
    const { labels } = byService.one('Service', 'socket-edge-admin').metadata;
    expect(labels).toMatchObject(spec.selector?.matchLabels ?? { none: '' });

    const byPod = render({ podMonitor: { enabled: true } });
    const pod = byPod.one('PodMonitor').spec;
    for (const part of PARTS) {
      const deployment = byPod.one('Deployment', part);
      expect(deployment.spec.template?.metadata.labels).toMatchObject(pod.selector?.matchLabels ?? { none: '' });
      const names = containerOf(deployment).ports.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(pod.podMetricsEndpoints?.map(({ port }) => port) ?? ['none']));
    }
  });

  it('scale edges by connections and not by a fixed number', () => {
    expect(render({}).one('Deployment', 'socket-edge').spec.replicas).toBe(2);
    const scaled = render({ socketEdge: { autoscaling: { enabled: true, targetConnections: 40_000 } } });
    expect(scaled.one('Deployment', 'socket-edge').spec).not.toHaveProperty('replicas');
    expect(scaled.one('HorizontalPodAutoscaler').spec.metrics?.[0]?.pods).toEqual({
      metric: { name: 'holdfast_connections' },
      target: { type: 'AverageValue', averageValue: '40000' },
    });
  });
});
