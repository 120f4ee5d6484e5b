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
}

export interface Unregistration {
  act: 'unregister';
  clientId: string;
  name: string;
  nonce: string;
  own: string;
}

/** One intent is always the same text, by which it is found again. */
export function encodeIntent({ act, clientId, name, nonce, ...rest }: Intent): string {
  return JSON.stringify('own' in rest ? [act, clientId, name, nonce, rest.own] : [act, clientId, name, nonce]);
}

export function decodeIntent(text: string): Intent {
  const [act = '', clientId = '', name = '', nonce = '', own = ''] = JSON.parse(text) as string[];
  return act === 'register' ? { act, clientId, name, nonce } : { act: 'unregister', clientId, name, nonce, own };
}
