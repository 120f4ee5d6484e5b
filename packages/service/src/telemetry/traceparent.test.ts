import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTraceparent, traceparentOf } from './traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent', () => {
  test('names the trace, the span, and whether it is sampled', () => {
    expect(readTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      traceFlags: 1,
      isRemote: true,
    });
    expect(readTraceparent(`00-${TRACE}-${SPAN}-00`)?.traceFlags).toBe(0);
  });

  test('of a later version may say more, and has flags that are not known', () => {
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-03-what-is-to-come`)).toMatchObject({ traceId: TRACE, traceFlags: 1 });
  });

  test('brings the state of other tracers along', () => {
    expect(readTraceparent(`00-${TRACE}-${SPAN}-01`, 'vendor=x')?.traceState?.get('vendor')).toBe('x');
  });

  test.each([
    undefined,
    '',
    [`00-${TRACE}-${SPAN}-01`],
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}`,
    ` 00-${TRACE}-${SPAN}-01`,
  ])('is none when it is %j', (given) => {
    expect(readTraceparent(given)).toBeNull();
  });

  test('is nothing that throws, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (parent, state) => {
        expect(() => readTraceparent(parent, state)).not.toThrow();
        expect(() => readTraceparent(`00-${TRACE}-${SPAN}-01`, state)).not.toThrow();
      }),
    );
  });

  test('is written as it is read, and not at all for what is not sampled', () => {
    const span = { traceId: TRACE, spanId: SPAN, traceFlags: 1 };
    expect(traceparentOf(span)).toBe(`00-${TRACE}-${SPAN}-01`);
    expect(readTraceparent(traceparentOf(span))).toMatchObject(span);
    expect(traceparentOf({ ...span, traceFlags: 0 })).toBe('');
  });
});
