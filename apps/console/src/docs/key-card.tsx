import { useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { Field } from '../components/field.tsx';
import { key } from './key.ts';

/** Asks for the key that calls are tried with. */
export function KeyForm() {
  const [typed, setTyped] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        const presented = typed.trim();
        // A header takes no other characters.
        if (!/^[\x21-\x7e]+$/.test(presented)) setFault('A key is <id>.<secret>, without spaces.');
        else key.value = presented;
      }}
    >
      <Field
        label="API key"
        type="password"
        value={typed}
        onInput={setTyped}
        mono
        error={fault}
        hint="<id>.<secret>. It stays in the memory of this page: a reload forgets it."
      />
      <div class="row">
        <Button type="submit">Use this key</Button>
      </div>
    </form>
  );
}

/** Which key is used, and how to forget it. */
export function KeyInUse() {
  const { value } = key;
  if (value === '') return <p class="hint">No API key yet: calls ask for it.</p>;
  return (
    <>
      <p>
        <span class="hint">API key</span>
        <span class="mono">{value.split('.')[0]}</span>
      </p>
      <Button kind="quiet" onClick={() => (key.value = '')}>
        Forget it
      </Button>
    </>
  );
}
