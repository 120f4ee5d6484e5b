import { HoldfastError } from '@holdfast/client/holdfast-error';
import { KeysFileError } from '@holdfast/keys-file/errors';
import { problemOf } from '@holdfast/protocol/problems';
import { describe, expect, it } from 'vitest';
import { CliError, failureOf } from './errors.ts';

describe('a failure', () => {
  it('of the server ends with 1 and names code, detail and each field', () => {
    const problem = problemOf('invalid-request', {
      detail: 'body: two faults',
      errors: [
        { field: 'name', rule: 'must not be empty' },
        { field: '\u001b[2J', rule: 'unknown' },
      ],
    });
    const error = new HoldfastError('invalid-request', 'body: two faults', { status: 400, problem });
    expect(failureOf(error)).toEqual({
      exitCode: 1,
      lines: ['refused: invalid-request (400): body: two faults', '  name: must not be empty', '  \\u001b[2J: unknown'],
      json: problem,
    });
  });

  it('to reach it ends with 3 and says why', () => {
    const cause = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:7700') });
    const error = new HoldfastError('unreachable', 'http://127.0.0.1:7700 does not answer', { cause });
    expect(failureOf(error)).toMatchObject({
      exitCode: 3,
      lines: ['http://127.0.0.1:7700 does not answer: connect ECONNREFUSED 127.0.0.1:7700'],
    });
  });

  it('to reach any of several addresses says the first reason', () => {
    const cause = new TypeError('fetch failed', { cause: new AggregateError([new Error('refused here')]) });
    const error = new HoldfastError('unreachable', 'it does not answer', { cause });
    expect(failureOf(error).lines).toEqual(['it does not answer: refused here']);
  });

  it('of input ends with 2', () => {
    expect(failureOf(new KeysFileError('key-exists', 'there already'))).toMatchObject({ exitCode: 2 });
    expect(failureOf(new CliError(2, 'not-json', 'a\nb'))).toMatchObject({ exitCode: 2, lines: ['a', 'b'] });
  });

  it('that is a fault of this program ends with 70, and shows no stack', () => {
    const { exitCode, lines, json } = failureOf(new TypeError('x is not a function'));
    expect({ exitCode, json }).toMatchObject({ exitCode: 70, json: { code: 'internal' } });
    expect(lines[0]).toBe('A fault of this program: x is not a function');
    expect(lines.join('\n')).not.toContain('    at ');
  });
});
