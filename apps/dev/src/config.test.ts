import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

describe('the environment of npm start', () => {
  it('needs nothing: control-api on 7700, edges on 7701 and 7702', () => {
    expect(readConfig({})).toEqual({
      controlPort: 7700,
      edgePorts: [7701, 7702],
      prefix: 'hf:',
      serviceEnv: { EDGE_DRAIN_SECONDS: '2' },
    });
  });

  it('moves the ports, the second edge next to the first, and takes 0 for any', () => {
    expect(readConfig({ CONTROL_PORT: '8000', EDGE_PORT: '9000', REDIS_PREFIX: 'x:' })).toMatchObject({
      controlPort: 8000,
      edgePorts: [9000, 9001],
      prefix: 'x:',
    });
    expect(readConfig({ CONTROL_PORT: '0', EDGE_PORT: '0' })).toMatchObject({ controlPort: 0, edgePorts: [0, 0] });
  });

  it('names every fault at once', () => {
    const faults = { CONTROL_PORT: 'http', EDGE_PORT: '65535', REDIS_CLUSTER_NODES: 'a:1' };
    expect(() => readConfig(faults)).toThrow(
      /CONTROL_PORT must be .* "http".*EDGE_PORT must be a port from 0 to 65534.*REDIS_CLUSTER_NODES is set/s,
    );
    expect(() => readConfig({ CONTROL_PORT: '7702' })).toThrow('CONTROL_PORT 7702 is a port of the edges too');
    expect(() => readConfig({ CONTROL_PORT: '-1' })).toThrow('CONTROL_PORT');
  });

  it('lets the console connect where edges take pages of listed origins only', () => {
    const originsFor = (origins: string) =>
      readConfig({ EDGE_ALLOWED_ORIGINS: origins, CONTROL_PORT: '8000' }).serviceEnv['EDGE_ALLOWED_ORIGINS'];
    expect(originsFor('https://app.example.com')).toBe('https://app.example.com,http://127.0.0.1:8000');
    expect(originsFor('*')).toBe('*');
  });

  it('hands the rest of the environment to the services, but for what is of npm or of a single edge', () => {
    const env = {
      EDGE_DRAIN_SECONDS: '5',
      EDGE_MAX_CONNECTIONS: '10',
      npm_config_x: '1',
      EDGE_ADVERTISE_URL: 'ws://a',
    };
    expect(readConfig(env).serviceEnv).toEqual({ EDGE_DRAIN_SECONDS: '5', EDGE_MAX_CONNECTIONS: '10' });
  });
});
