import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';
import { Copy } from './copy.tsx';
import { date, duration, percent } from '../state/format.ts';

export type Fact = readonly [name: string, value: ComponentChildren];

/** Names and values. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface BadgeProps {
  readonly kind: 'ok' | 'warn' | 'fail' | 'plain';
  readonly children: ComponentChildren;
}

/** A state in a word, with a sign besides its colour. */
export function Badge({ kind, children }: BadgeProps) {
  return (
    <span class={`badge ${kind}`}>
      {kind !== 'plain' && <Icon name={kind} />}
      {children}
    </span>
  );
}

/** A name of a machine's making, in letters of one width. */
export function Id({ children, copy = false }: { readonly children: string; readonly copy?: boolean }) {
  return (
    <span class="id">
      <span class="mono">{children}</span>
      {copy && <Copy text={children} what={children} />}
    </span>
  );
}

/** How long ago, in its largest unit, with the moment itself when it is pointed at. */
export function Ago({ at, now = Date.now() }: { readonly at: string | number; readonly now?: number }) {
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return (
    <time dateTime={new Date(ms).toISOString()} title={date(ms)}>
      {duration((now - ms) / 1000, 1)}
    </time>
  );
}

interface ShareProps {
  readonly value: number | null | undefined;
  /** For screen readers: of what. */
  readonly name: string;
  /** Much of it is no reason to worry. */
  readonly neutral?: boolean;
}

/** A share of 1 as a bar and a number. From 0.8 on it stands out: what docs/scaling.md plans with. */
export function Share({ value, name, neutral = false }: ShareProps) {
  const share = Math.min(1, Math.max(0, value ?? 0));
  return (
    <span class={share > 0.8 && !neutral ? 'share high' : 'share'}>
      <span
        class="share-bar"
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <span style={{ width: `${share * 100}%` }} />
      </span>
      <span class="share-text">{percent(value)}</span>
    </span>
  );
}
