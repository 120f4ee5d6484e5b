/**
 * A registration or an unregistration under way, as it is logged at its key. Every unregistration of one registration
 * carries that one's nonce, and one of its own: only one of them removes the client.
 */
export type Intent = Registration | Unregistration;

export interface Registration {
  act: 'register';
  clientId: string;
  name: string;
  nonce: string;
  /** '' for none. */
  user: string;
}

export interface Unregistration {
  act: 'unregister';
  clientId: string;
  name: string;
  nonce: string;
  /** '' for none. */
  user: string;
  own: string;
}

/** One intent is always the same text, by which it is found again. */
export function encodeIntent(intent: Intent): string {
  const { act, clientId, name, nonce, user } = intent;
  const own = intent.act === 'unregister' ? intent.own : '';
  const rest = user !== '' ? [own, user] : own !== '' ? [own] : [];
  return JSON.stringify([act, clientId, name, nonce, ...rest]);
}

export function decodeIntent(text: string): Intent {
  const [act = '', clientId = '', name = '', nonce = '', own = '', user = ''] = JSON.parse(text) as string[];
  const registration = { clientId, name, nonce, user };
  return act === 'register' ? { act, ...registration } : { act: 'unregister', ...registration, own };
}
