import { useState } from 'preact/hooks';
import { type Client, isRef, isUuid, readClient } from '../../api/clients.ts';
import { Button } from '../../components/button.tsx';
import { Field } from '../../components/field.tsx';
import { Problem } from '../../components/states.tsx';
import { rememberId } from '../../state/known-ids.ts';
import { go, href } from '../../state/router.ts';
import { useAction } from '../../state/use-action.ts';

/** Leads to the client of a ref or a UUID, or to the list of those of a name or a user. */
export function FindClient({ sought }: { readonly sought: string }) {
  const [text, setText] = useState(sought);
  const { busy, error, run, reset } = useAction<Client>();
  const find = async (): Promise<void> => {
    const given = text.trim();
    if (isRef(given)) return go(href('clients', [given.toLowerCase()]));
    if (!isUuid(given)) return go(href('clients', [], { find: given }));
    const client = await run(readClient(given.toLowerCase()));
    if (client === undefined) return;
    rememberId(client.ref, given.toLowerCase());
    go(href('clients', [client.ref]));
  };
  return (
    <>
      <form
        class="find-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          void find();
        }}
      >
        <Field
          label="Find a client"
          unlabelled
          type="search"
          placeholder="Ref, UUID, name or user"
          value={text}
          onInput={(value) => {
            setText(value);
            if (error !== null) reset();
          }}
        />
        <Button type="submit" busy={busy}>
          Find
        </Button>
      </form>
      {error && <Problem error={error} />}
    </>
  );
}
