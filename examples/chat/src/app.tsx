import type { ConnectOptions } from '@holdfast/client';
import { HoldfastProvider, useHoldfast } from '@holdfast/react';
import { type SubmitEvent, useEffect, useState } from 'react';
import { type Session, fetchToken, session, signIn, signOut } from './backend.ts';
import { Rooms } from './rooms.tsx';

/** Who is signed in decides what is shown; the provider's key makes it another client for another user. */
export function App() {
  const [now, setNow] = useState<Session | null>(null);
  const look = () => void session().then(setNow);
  useEffect(look, []);
  if (now === null) return null;
  if (now.user === null) return <SignIn onSignedIn={look} />;
  const options: ConnectOptions = {
    controlUrl: now.controlUrl,
    getToken: fetchToken,
    presence: true,
    credential: 'subprotocol',
  };
  return (
    <HoldfastProvider key={now.user} options={options}>
      <UntilSignedOut onSignedOut={look} />
      <header>
        <h1>Chat</h1>
        <p>{now.user}</p>
        <button className="quiet" onClick={() => void signOut().then(look)}>
          Sign out
        </button>
      </header>
      <Rooms controlUrl={now.controlUrl} user={now.user} />
    </HoldfastProvider>
  );
}

/** The session may end in another tab, or after a time: then there is no further token, and the client ends. */
function UntilSignedOut({ onSignedOut }: { onSignedOut: () => void }) {
  const client = useHoldfast();
  useEffect(
    () =>
      client?.on('closed', ({ reason }) => {
        if (reason === 'not-authorized') onSignedOut();
      }),
    [client, onSignedOut],
  );
  return null;
}

function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [name, setName] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void signIn(name).then((ok) => ok && onSignedIn());
  };
  return (
    <main className="sign-in">
      <h1>Chat</h1>
      <form onSubmit={submit}>
        <label htmlFor="name">Your name</label>
        <input
          id="name"
          value={name}
          onChange={({ target }) => setName(target.value)}
          required
          pattern="[a-z]{1,20}"
          autoComplete="username"
          autoCapitalize="none"
          aria-describedby="name-help"
        />
        <p id="name-help" className="help">
          Lower-case letters.
        </p>
        <button>Sign in</button>
      </form>
    </main>
  );
}
