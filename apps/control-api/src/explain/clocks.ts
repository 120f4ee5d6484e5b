/** How far the clocks of machines are taken to differ. */
export const CLOCK_MARGIN_MS = 1000;
