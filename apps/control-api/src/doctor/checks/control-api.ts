import type { DoctorFacts } from '../facts.ts';
import { type Finding, type Subject, fail, ok, warn } from '../finding.ts';

const WHERE = 'this control-api';
const origins: Subject = { id: 'control-origins', why: 'Pages of other origins could make calls for whom they catch' };
const proxies: Subject = {
  id: 'control-proxies',
  why: 'Behind a proxy that is not trusted all callers share one address, and its limits',
};

const keysFile: Subject = {
  id: 'keys-file',
  why: 'While a change of the keys file seems to be under way no other one is made',
};
const keysFileMode: Subject = {
  id: 'keys-file-mode',
  why: 'Secrets of apps and of HS256 tokens stand in it in plain text: who has one signs as your backend does',
};
/** A change takes milliseconds. */
const LOCKED_TOO_LONG_SECONDS = 60;

/** What is set for the control-api that was asked. */
export function checkControlApi({ control }: DoctorFacts): Finding[] {
  return [
    allowed(control.allowedOrigins, control.production),
    forwarded(control),
    unlocked(control),
    unreadable(control),
  ];
}

function allowed(list: readonly string[] | undefined, production: boolean): Finding {
  if (list === undefined) return ok(origins, WHERE, 'CONTROL_ALLOWED_ORIGINS is not set: pages of no other origin');
  const seen = `CONTROL_ALLOWED_ORIGINS: ${list.length === 0 ? 'none' : list.join(', ')}`;
  if (!list.includes('*') || !production) return ok(origins, WHERE, seen);
  return warn(origins, WHERE, seen, 'List the origins of your pages');
}

function forwarded({ forwarded: through, trustsProxies }: DoctorFacts['control']): Finding {
  if (trustsProxies) return ok(proxies, WHERE, 'CONTROL_TRUSTED_PROXIES is set');
  if (!through) return ok(proxies, WHERE, 'this call came without a proxy, or with one that does not say so');
  const advice = 'Set CONTROL_TRUSTED_PROXIES to the networks of the proxy';
  return warn(proxies, WHERE, 'this call came with X-Forwarded-For, and no proxy is trusted', advice);
}

function unlocked({ keysFileLockedSeconds: seconds }: DoctorFacts['control']): Finding {
  if (seconds === null || seconds < LOCKED_TOO_LONG_SECONDS) return ok(keysFile, WHERE, 'no change is stuck');
  const advice = 'Remove the file beside it whose name ends with .new, if no change is under way';
  return warn(keysFile, WHERE, `a change of the keys file began ${seconds} s ago and did not end`, advice);
}

function unreadable({ keysFileReaders: readers, production }: DoctorFacts['control']): Finding {
  if (readers === null) return ok(keysFileMode, WHERE, 'no other user can read secrets in the keys file');
  const advice = 'Take the right to read it from all but its owner: chmod 600';
  if (readers === 'group')
    return warn(keysFileMode, WHERE, 'the group of the keys file can read secrets in it', advice);
  const find = production ? fail : warn;
  return find(keysFileMode, WHERE, 'everybody on its machine can read secrets in the keys file', advice);
}
