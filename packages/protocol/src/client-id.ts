import { z } from 'zod';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UUID_SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A client id as it is presented: any UUID (RFC 9562, section 4), in any case; one that was never issued is simply unknown. */
export const clientId = z
  .string()
  .toLowerCase()
  .regex(UUID_SHAPE, 'must be a UUID')
  .describe("The client's UUID: whoever holds it may act for that client");

/** A client id that a caller brings to Register: version 4, so that it has the 122 random bits that make it a credential. */
export const newClientId = z.string().toLowerCase().regex(UUID_V4, 'must be a version 4 UUID');
