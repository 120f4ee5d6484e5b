import type { ComponentType } from 'preact';
import type { IconName } from '../components/icon.tsx';
import type { Right } from '../state/rights.ts';

export interface View {
  /** The first part of the route. */
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
  /** Without it the view says which right is missing, and is not shown. */
  readonly needs: Right | null;
  readonly show: ComponentType<ViewProps>;
}

export interface ViewProps {
  /** The parts of the route after the view. */
  readonly rest: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}
