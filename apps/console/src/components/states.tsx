import type { ComponentChildren } from 'preact';
import type { CallError } from '../api/call-error.ts';
import { GRANT, type Right } from '../state/rights.ts';
import type { Called } from '../state/use-call.ts';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

interface NoticeProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly action?: ComponentChildren;
}

function Notice({ icon, title, children, action }: NoticeProps) {
  return (
    <div class="notice">
      <Icon name={icon} />
      <p class="notice-title">{title}</p>
      {children !== undefined && <div class="notice-text">{children}</div>}
      {action}
    </div>
  );
}

/** Nothing is there: what that means, and what to do. */
export function Empty({ title, children, action }: Omit<NoticeProps, 'icon'>) {
  return (
    <Notice icon="info" title={title} action={action}>
      {children}
    </Notice>
  );
}

/** Quiet bars where the content will be, as high as it. */
export function Loading({ rows = 3 }: { readonly rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="unseen">Loading</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} class="skeleton" />
      ))}
    </div>
  );
}

/** A reading call failed: why, what to do, and again. */
export function Failed({ error, onRetry }: { readonly error: CallError; readonly onRetry?: () => void }) {
  return (
    <Notice icon="fail" title={titleOf(error)} action={onRetry && <Button onClick={onRetry}>Try again</Button>}>
      {adviceOf(error)}
    </Notice>
  );
}

/** Why a changing call failed, where it was tried. */
export function Problem({ error }: { readonly error: CallError }) {
  const rules = error.problem?.errors ?? [];
  return (
    <div class="problem" role="alert">
      <Icon name="fail" />
      <div>
        <p class="problem-title">{titleOf(error)}</p>
        <p>{adviceOf(error)}</p>
        {rules.map(({ field, rule }) => (
          <p key={field}>
            <code>{field}</code> {rule}
          </p>
        ))}
        <p class="hint">
          {error.status !== null && `${error.status} `}
          {error.code}
        </p>
      </div>
    </div>
  );
}

/** The key has no right to this: which one it would need. */
export function Lacks({ right, what }: { readonly right: Right; readonly what: string }) {
  return (
    <Notice icon="lock" title={`This key may not see ${what}.`}>
      It needs <code>{GRANT[right]}</code> in <code>can</code> of the keys file.
    </Notice>
  );
}

interface AnsweredProps<Answer> {
  readonly called: Called<Answer>;
  /** Of the skeleton. */
  readonly rows?: number;
  readonly children: (data: Answer) => ComponentChildren;
}

/** The content of an answer, or that it is awaited, or why there is none. What was there stays when a newer one fails. */
export function Answered<Answer>({ called, rows, children }: AnsweredProps<Answer>) {
  const { data, error, reload } = called;
  if (data === undefined) {
    return error === null ? (
      <Loading {...(rows === undefined ? {} : { rows })} />
    ) : (
      <Failed error={error} onRetry={reload} />
    );
  }
  return (
    <>
      {error && <p class="stale">{`Not up to date: ${error.message}`}</p>}
      {children(data)}
    </>
  );
}

export function titleOf({ code, problem, message }: CallError): string {
  if (code === 'unreachable') return 'control-api does not answer';
  return problem?.title ?? message;
}

function adviceOf({ code, problem }: CallError): string {
  if (code === 'unreachable') {
    return 'It may be starting again, or the network is gone. Look whether the process runs and /healthz answers.';
  }
  if (code === 'redis-unavailable') {
    return 'Connections stay open meanwhile. control-api connects again by itself; its /readyz says what is wrong.';
  }
  if (code === 'topic-not-found') return 'It was deleted, has expired, or was never created.';
  return problem?.detail ?? '';
}
