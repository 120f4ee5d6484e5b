/**
 * A registration or an unregistration under way, as it is noted at its key. Every unregistration of one registration
 * carries that one's nonce, and one of its own: only one of them removes the client.
 */
export type Operation = Registration | Unregistration;

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

/** One operation is always the same text: that is how it is found again. */
export function encodeOperation({ act, clientId, name, nonce, ...rest }: Operation): string {
  return JSON.stringify('own' in rest ? [act, clientId, name, nonce, rest.own] : [act, clientId, name, nonce]);
}

export function decodeOperation(text: string): Operation {
  const [act = '', clientId = '', name = '', nonce = '', own = ''] = JSON.parse(text) as string[];
  return act === 'register' ? { act, clientId, name, nonce } : { act: 'unregister', clientId, name, nonce, own };
}
