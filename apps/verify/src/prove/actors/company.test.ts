import { seededRandom } from '@holdfast/harness/random';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ScriptedInstallation } from '../../testing/scripted-installation.ts';
import { Control } from '../control.ts';
import { Company } from './company.ts';

let installation: ScriptedInstallation;
beforeEach(async () => {
  installation = await ScriptedInstallation.start();
});
afterEach(() => installation.stop());

test('an actor is connected in the end when its edge refuses the first handshakes', async () => {
  const { controlUrl } = installation;
  const control = new Control([controlUrl], 'key.secret');
  const edgeUrls = [controlUrl.replace('http', 'ws')];
  const company = new Company({ control, edgeUrls, random: seededRandom(1) });
  let refusals = 2;
  installation.refuse = () => (refusals-- > 0 ? { status: 503, retryAfter: '1' } : undefined);
  const [actor] = await company.hire(1, ['news'], [0]);
  expect(actor?.lines.map(({ status, isOpen }) => ({ status, isOpen }))).toEqual([
    { status: 503, isOpen: false },
    { status: 503, isOpen: false },
    { status: null, isOpen: true },
  ]);
});
