import { MAX_CLIENT_FRAME_BYTES } from '@holdfast/protocol/limits';
import { describe, expect, it } from 'vitest';
import { resumeFrame } from './resume-frame.ts';

describe('resumeFrame', () => {
  it('holds every position that there is room for, and never more', () => {
    const few = { news: '1-0', '@me': '2-0' };
    expect(resumeFrame(few)).toEqual({ type: 'resume', positions: few });

    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, number) => [`${'long-name.'.repeat(19)}${number}`, '1732345678901-0']),
    );
    const frame = resumeFrame(many);
    const bytes = Buffer.byteLength(JSON.stringify(frame));
    expect(bytes).toBeLessThanOrEqual(MAX_CLIENT_FRAME_BYTES);
    expect(bytes).toBeGreaterThan(MAX_CLIENT_FRAME_BYTES * 0.95);
  });
});
