/** Figures that others have published for what a measure asks, and cannot be measured here. */
export interface Published {
  peer: string;
  /** By the metric's id. */
  figures: Readonly<Record<string, number>>;
  /** Where they stand, and how they were taken. */
  source: string;
}
