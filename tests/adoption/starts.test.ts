import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { argumentsOf, readDockerfile } from './images/dockerfile.ts';

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

function read(file: string): string {
  return readFileSync(join(repositoryRoot, file), 'utf8');
}

// The chart: chart.test.ts.
describe.each(['control-api', 'socket-edge'])('%s is started with the same flags of Node', (part) => {
  const [exec, ...command] = (scripts[part] ?? '').split(' ');

  it('by its npm script and by its image', () => {
    const image = readDockerfile(join(repositoryRoot, `apps/${part}/Dockerfile`)).at(-1);
    const last = image?.instructions.findLast(({ name }) => name === 'CMD');
    expect(exec).toBe('exec');
    expect(argumentsOf(last?.text ?? '')).toEqual(command);
  });

  it('by its systemd unit', () => {
    const units = [...read('docs/operations.md').matchAll(/^ExecStart=(.*)$/gm)].map(([, start = '']) => start);
    expect(units.filter((start) => start.endsWith(` apps/${part}/src/main.ts`))).toEqual([
      `/opt/holdfast/node_modules/.bin/${command.join(' ')}`,
    ]);
  });

  it.each(['docker-compose.yml', 'deploy/docker-compose.cluster.yml'])(
    'by %s, which leaves it to the image',
    (file) => {
      const { services } = parse(read(file), { merge: true }) as { services: Record<string, object> };
      expect(services[part]).toHaveProperty('image');
      expect(services[part]).not.toHaveProperty('command');
      expect(services[part]).not.toHaveProperty('entrypoint');
    },
  );
});
