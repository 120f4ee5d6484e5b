import { expect, it } from 'vitest';
import { outputEnd, outputFault } from './output.ts';

it('compares all lines; … stands for anything in a line, and alone for any lines', () => {
  expect(outputFault('id … ok\n…\nend\n', 'id 1-0 ok\na\nb\nend')).toBeNull();
  expect(outputFault('first\n…\nlast\n', 'first\nlast\n')).toBeNull();
  expect(outputFault('{"a":[1]}\n', '{"a":[1]}\n')).toBeNull();
  expect(outputFault('first\n', 'first\nsecond\n')).toBe(
    'the page shows\n    first\nand it prints\n    first\n    second',
  );
  expect(outputFault('a.c\n', 'abc\n')).not.toBeNull();
});

it('finds lines in what a background block prints, whole ones and after those before', () => {
  const printed = 'connected\nnews 1\nnews 2\n';
  expect(outputEnd('news …\n', printed, 0)).toBe('connected\nnews 1\n'.length);
  expect(outputEnd('news …\n', printed, 'connected\nnews 1\n'.length)).toBe(printed.length);
  expect(outputEnd('ews 1\n', printed, 0)).toBe(-1);
});
