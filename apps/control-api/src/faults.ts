import type { z } from 'zod';

/** One field that is wrong, and the rule it broke. */
export interface Fault {
  field: string;
  rule: string;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The field of a path as people write it: `body.topics[1]`. */
function fieldName(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index ? '.' : ''}${String(part)}`))
    .join('');
}

/** What zod found wrong, one entry for each field; `root` is what the paths begin with, such as "body". */
export function faultsOf(issues: readonly Issue[], root: Path = []): Fault[] {
  return issues.flatMap((issue) => {
    const path = [...root, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: fieldName([...path, key]), rule: 'is not a field of this call' }));
    }
    if (issue.code === 'invalid_union') {
      const branch = likeliestBranch(issue.errors);
      if (branch !== undefined) return faultsOf(branch, path);
    }
    return { field: fieldName(path), rule: ruleOf(issue) };
  });
}

/** Our own rules as they are; zod's words for a value that is missing or of another type, in the form of ours. */
function ruleOf(issue: Issue): string {
  if (issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid input')) return issue.message;
  return issue.message.endsWith('received undefined') ? 'must be given' : `must be of the type ${issue.expected}`;
}

/** Where several forms are allowed, the one that was meant got furthest before it failed; undefined when none got in. */
function likeliestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => issues.some((issue) => issue.path.length > 0));
}

/** The faults as one phrase. */
export function phraseOf(faults: readonly Fault[]): string {
  return faults.map(({ field, rule }) => (field === '' ? rule : `${field}: ${rule}`)).join('; ');
}
