/** Raised whenever the fingerprint of the frames and bodies changes in a way that old clients would notice. */
export const PROTOCOL_VERSION = 1;

/** Of the JSON Schemas of all frames and bodies; a test holds it, and explains what to do when it changes. */
export const PROTOCOL_FINGERPRINT = '8e66463146b55314';

/** The WebSocket subprotocol (RFC 6455, section 1.9). Asking for it is optional. */
export const SUBPROTOCOL = 'holdfast.v1';

/** A second offered subprotocol may carry the client id, for browsers that must keep it out of URLs. */
export const CREDENTIAL_SUBPROTOCOL_PREFIX = 'holdfast.client.';

/** Where edges take connections. */
export const CONNECT_PATH = '/v1/connect';
