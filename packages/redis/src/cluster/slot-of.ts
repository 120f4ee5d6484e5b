// @ts-expect-error -- the library has no types.
import calculateSlot from 'cluster-key-slot';

/** The Cluster slot of a key or channel: CRC16 of what stands in its first braces, or of all of it, modulo 16,384. */
export const slotOf = calculateSlot as (key: string) => number;
