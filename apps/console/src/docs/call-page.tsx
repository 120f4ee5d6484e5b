import { Card } from '../components/card.tsx';
import { Copy } from '../components/copy.tsx';
import { Page } from '../components/page.tsx';
import { href } from '../state/router.ts';
import { MethodBadge, Path } from './method.tsx';
import { type Call, type Document, credentialsOf, jsonOf, problemsOf, resolved } from './openapi.ts';
import { Prose } from './prose.tsx';
import { Facts, Named, SchemaView } from './schema-view.tsx';
import { TryCard } from './try-card.tsx';

interface CallProps {
  readonly document: Document;
  readonly call: Call;
}

/** One call: what it takes, what it answers, and a form that makes it. */
export function CallPage({ document, call }: CallProps) {
  const { method, path, summary, description, requestBody } = call;
  return (
    <Page title={summary}>
      <div class="call-head">
        <p class="call-line">
          <MethodBadge method={method} />
          <Path path={path} />
          <Copy text={path} what="the path" />
        </p>
        {description !== undefined && (
          <p>
            <Prose text={description} />
          </p>
        )}
        <Needs call={call} />
      </div>
      <div class="columns">
        <div class="stack">
          <Parameters document={document} call={call} />
          {requestBody !== undefined && (
            <Card title="Body" about={requestBody.required === true ? 'JSON' : 'JSON, may be left out'}>
              <SchemaView document={document} schema={jsonOf(requestBody.content)?.schema ?? {}} />
            </Card>
          )}
          <Answers document={document} call={call} />
          <Problems call={call} />
        </div>
        <TryCard key={call.operationId} call={call} />
      </div>
    </Page>
  );
}

function Needs({ call }: { readonly call: Call }) {
  const credentials = credentialsOf(call);
  const needs = call['x-needs'];
  return (
    <dl class="needs">
      <dt>Takes</dt>
      <dd>{credentials.length === 0 ? 'no credential' : credentials.join(', or ')}</dd>
      {needs !== undefined && (
        <>
          <dt>Needs</dt>
          <dd>
            <Prose text={needs} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Parameters({ document, call: { parameters = [] } }: CallProps) {
  if (parameters.length === 0) return null;
  return (
    <Card title="Parameters">
      <ul class="schema">
        {parameters.map(({ name, in: place, required = false, description, schema = {} }) => {
          const { schema: whole } = resolved(document, schema);
          const facts = { ...whole, ...(description === undefined ? {} : { description }) };
          return (
            <li key={name}>
              <Named name={name} required={required}>
                <span class="type">in the {place}</span>
                <Facts document={document} schema={facts} />
              </Named>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Answers({ document, call }: CallProps) {
  const successes = Object.entries(call.responses).filter(([status]) => Number(status) < 400);
  return (
    <Card title="Answers">
      <div class="stack">
        {successes.map(([status, { description, content }]) => {
          const schema = jsonOf(content)?.schema;
          return (
            <section key={status} class="answer-kind">
              <h3>
                <span class="badge plain ok">{status}</span> <Prose text={description} />
              </h3>
              {schema !== undefined && <SchemaView document={document} schema={schema} />}
            </section>
          );
        })}
      </div>
    </Card>
  );
}

function Problems({ call }: { readonly call: Call }) {
  const problems = Object.entries(problemsOf(call));
  if (problems.length === 0) return null;
  return (
    <Card title="Problems" about="application/problem+json, with a constant code" flush>
      <ul class="problem-list">
        {problems
          .toSorted(([, one], [, other]) => Number(one.status) - Number(other.status))
          .map(([code, { status, title }]) => (
            <li key={code}>
              <span class="badge plain">{status}</span>
              <a href={href('problems', [code])}>
                <code>{code}</code>
              </a>
              <span class="hint">{title}</span>
            </li>
          ))}
      </ul>
    </Card>
  );
}
