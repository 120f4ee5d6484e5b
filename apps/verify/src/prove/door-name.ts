/** By which of them clients come and publishers publish. */
export const DOORS = ['native', 'pusher'] as const;
export type DoorName = (typeof DOORS)[number];
