import { useState } from 'preact/hooks';
import { Button } from './components/button.tsx';
import { Field } from './components/field.tsx';
import { Icon } from './components/icon.tsx';
import { Failed } from './components/states.tsx';
import { type Session, enter, leave } from './state/session.ts';

/** Asks for the API key; it stays in this tab. */
export function SignIn({ session }: { readonly session: Exclude<Session, { state: 'in' }> }) {
  const [key, setKey] = useState('');
  const refusal = session.state === 'out' ? session.refusal : null;
  return (
    <main class="sign-in" id="main" tabIndex={-1}>
      <div class="sign-in-card">
        <h1 class="brand" id="title">
          <img src="console/icon.svg" alt="" width="28" height="28" />
          Holdfast console
        </h1>
        {session.state === 'unknown' ? (
          <>
            <Failed error={session.error} onRetry={() => void enter(session.key)} />
            <Button kind="quiet" onClick={() => leave()}>
              Use another key
            </Button>
          </>
        ) : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void enter(key);
            }}
          >
            <Field
              label="API key"
              type="password"
              value={key}
              onInput={setKey}
              mono
              required
              autoFocus
              error={refusal && `${refusal.problem?.title ?? refusal.message}.`.replace('..', '.')}
              hint="As it is presented: <id>.<secret>"
            />
            <Button kind="primary" type="submit" busy={session.state === 'checking'}>
              {session.state === 'checking' ? 'Looking at the key' : 'Open the console'}
            </Button>
            <p class="hint with-icon">
              <Icon name="lock" />
              The key stays in this tab until it is closed, and travels as a header only.
            </p>
          </form>
        )}
      </div>
    </main>
  );
}
