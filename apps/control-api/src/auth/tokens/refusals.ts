import { ProblemError } from '../../http/problem-error.ts';

/** A token that is refused; `detail` names the claim and the rule, and nothing of the token. */
export function tokenInvalid(detail: string): ProblemError {
  return new ProblemError('token-invalid', { detail });
}

export function tokenExpired(): ProblemError {
  return new ProblemError('token-expired', { detail: 'claim "exp": must be in the future' });
}

export function tokenRevoked(): ProblemError {
  return new ProblemError('token-revoked', { detail: 'claim "iat": tokens of this user from before are revoked' });
}
