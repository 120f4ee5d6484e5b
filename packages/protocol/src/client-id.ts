import { z } from 'zod';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UUID_SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A client id as it is presented: any UUID (RFC 9562, section 4), in any case; one that was never issued is simply unknown. */
export const clientId = z
  .string()
  .toLowerCase()
  .regex(UUID_SHAPE, 'must be a UUID')
  .describe("The client's UUID: whoever holds it may act for that client");

const REF = /^[0-9a-f]{16}$/;

/** The public name of a client: for people, lists and logs. It reveals nothing of the UUID and grants nothing. */
export const clientRef = z
  .string()
  .regex(REF, 'must be a ref of 16 hexadecimal digits')
  .describe('The public name of the client: 16 hexadecimal digits that tell nothing of its UUID');

/** A client in the path of a call that also takes a `ref`, from a key that may manage the client. */
export const clientIdOrRef = z
  .string()
  .toLowerCase()
  .refine((text) => UUID_SHAPE.test(text) || REF.test(text), 'must be a UUID, or a ref of 16 hexadecimal digits')
  .meta({
    description: "The client's UUID, or with a key that may manage it its `ref`",
    pattern: `${UUID_SHAPE.source}|${REF.source}`,
  });

export function isClientRef(text: string): boolean {
  return REF.test(text);
}

/** A client id that a caller brings to Register: version 4, so that it has the 122 random bits that make it a credential. */
export const newClientId = z.string().toLowerCase().regex(UUID_V4, 'must be a version 4 UUID');
