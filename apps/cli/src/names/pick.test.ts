import { describe, expect, it } from 'vitest';
import { pick } from './pick.ts';

const clients = [
  { value: 1, columns: ['aa', 'mobile'] },
  { value: 2, columns: ['bb', 'web'] },
];
const question = { what: 'client', text: 'phone', heading: ['ref', 'key'] };

describe('a name', () => {
  it('that one has gives that one', () => {
    expect(pick({ ...question, matching: clients.slice(1) })).toBe(2);
  });

  it('that several have is refused with a list, and how to name one', () => {
    const lines = ['"phone" may be any of 2:', '  REF  KEY', '  aa   mobile', '  bb   web', 'Name it by its ref.'];
    expect(() => pick({ ...question, matching: clients })).toThrow(
      expect.objectContaining({ code: 'ambiguous-name', exitCode: 1, message: lines.join('\n') }),
    );
  });

  it('that none has is refused with what there is, to twenty', () => {
    const others = Array.from({ length: 22 }, (_, index) => ({ value: index, columns: [`edge-${index}`] }));
    const attempt = () => pick({ ...question, heading: ['id'], matching: [], others });
    expect(attempt).toThrow(expect.objectContaining({ code: 'no-such-name', exitCode: 1 }));
    expect(attempt).toThrow(
      /^No client is named "phone"\.\nThere are:\n {2}ID\n {2}edge-0\n[^]*edge-19\n {2}and 2 more$/,
    );
  });
});
