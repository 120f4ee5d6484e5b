/** Strokes on a grid of 16. */
const PATHS = {
  overview: 'M2 13.5V9M6 13.5V5M10 13.5V7.5M14 13.5V2.5',
  edges: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01',
  topics: 'M6.2 2.5 4.8 13.5M11.2 2.5 9.8 13.5M2.5 5.8h11.5M2 10.2h11.5',
  clients: 'M2.5 3h11v7.5h-11zM6 13.5h4M8 10.5v3',
  users: 'M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8M3 13.5c.4-2.4 2.4-3.5 5-3.5s4.6 1.1 5 3.5',
  explain: 'M5.6 5.6a2.4 2.4 0 1 1 3.6 2.1c-.8.4-1.2.9-1.2 1.8M8 12.5h.01',
  keys: 'M5.5 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6M7.7 7.9 13.5 2.5M11 5l2 2',
  webhooks: 'M2.5 8h8M7.5 4.5 11 8l-3.5 3.5M13.5 3v10',
  doctor: 'M1.5 8.5h3l2-5 3 9 2-4h3',
  ok: 'm3 8.5 3.2 3.2L13 4.8',
  warn: 'M8 5.5v3.5M8 11.5h.01M8 1.8 14.5 13.5h-13z',
  fail: 'M8 4.5V8.5M8 11.5h.01M8 14.3A6.3 6.3 0 1 0 8 1.7a6.3 6.3 0 0 0 0 12.6',
  info: 'M8 7.5v4M8 4.8h.01M8 14.3A6.3 6.3 0 1 0 8 1.7a6.3 6.3 0 0 0 0 12.6',
  menu: 'M2 4h12M2 8h12M2 12h12',
  close: 'm4 4 8 8M12 4l-8 8',
  copy: 'M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9M10.3 10.3l3.2 3.2',
  lock: 'M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: what it means stands beside it as text. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
