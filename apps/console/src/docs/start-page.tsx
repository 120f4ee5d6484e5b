import { Card } from '../components/card.tsx';
import { Copy } from '../components/copy.tsx';
import { Page } from '../components/page.tsx';
import { href } from '../state/router.ts';
import { MethodBadge, Path } from './method.tsx';
import { KeyForm } from './key-card.tsx';
import { key } from './key.ts';
import type { Call, Document } from './openapi.ts';
import { Prose } from './prose.tsx';

interface StartProps {
  readonly document: Document;
  readonly calls: readonly Call[];
  /** Whether this control-api serves the console. */
  readonly hasConsole: boolean;
}

/** How to call, and every call there is. */
export function StartPage({ document, calls, hasConsole }: StartProps) {
  const { info, tags } = document;
  const address = new URL('.', location.href).href.replace(/\/$/, '');
  return (
    <Page title={info.title} about={`Version ${info.version}. ${info.description.replaceAll('`', '')}`}>
      <div class="columns">
        <Card title="How to call">
          <dl class="needs">
            <dt>Address</dt>
            <dd>
              <span class="id">
                <code>{address}</code>
                <Copy text={address} what="the address" />
              </span>
            </dd>
            <dt>API key</dt>
            <dd>
              <code>X-API-Key: &lt;id&gt;.&lt;secret&gt;</code>, or <code>Authorization: Bearer</code> with the same
            </dd>
            <dt>Client</dt>
            <dd>its UUID in the path, where a call takes one: whoever holds it may act for that client</dd>
            <dt>Token</dt>
            <dd>
              <code>Authorization: Bearer &lt;JWT&gt;</code>, for browsers that register themselves
            </dd>
            <dt>Refused</dt>
            <dd>
              a <a href={href('problems')}>problem</a> with a constant <code>code</code>
            </dd>
            <dt>Elsewhere</dt>
            <dd class="row">
              <a href="openapi.json">OpenAPI document</a>
              {hasConsole && <a href="console">Console</a>}
            </dd>
          </dl>
        </Card>
        <Card title="Key to try calls with">
          {key.value === '' ? (
            <KeyForm />
          ) : (
            <p>
              Calls are made with the key <code>{key.value.split('.')[0]}</code>.
            </p>
          )}
        </Card>
      </div>
      {tags.map(({ name, description }) => (
        <Card key={name} title={titleOf(name)} about={<Prose text={description} />} flush>
          <ul class="call-list">
            {calls
              .filter((call) => call.tags?.includes(name))
              .map(({ operationId, method, path, summary }) => (
                <li key={operationId}>
                  <a href={href('calls', [operationId])}>
                    <MethodBadge method={method} />
                    <Path path={path} />
                    <span class="summary">{summary}</span>
                  </a>
                </li>
              ))}
          </ul>
        </Card>
      ))}
    </Page>
  );
}

/** Of a group of calls. */
export function titleOf(tag: string): string {
  return tag.charAt(0).toUpperCase() + tag.slice(1);
}
