/** Where the example backend listens. */
export const BACKEND_PORT = 8080;

/** Shows what its user gets. The SDK reconnects and resumes by itself. */
export const PAGE = `<!doctype html>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width" />
<meta name="color-scheme" content="light dark" />
<title>Holdfast</title>
<link rel="icon" href="data:," />
<style>
  body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font-family: system-ui, sans-serif; }
  form { display: flex; flex-wrap: wrap; gap: 0.5rem; }
  input, button { font: inherit; padding: 0.4rem 0.6rem; }
</style>
<h1>Messages</h1>
<form><input name="text" aria-label="Text" value="Hello" /> <button>Send it to Ann</button></form>
<p id="state">connecting</p>
<ul></ul>
<script type="module">
  import { connect } from '/holdfast.js';

  const show = (text) => document.querySelector('ul').append(Object.assign(document.createElement('li'), { textContent: text }));
  const state = (text) => (document.querySelector('#state').textContent = text);

  // The backend knows from its session whose page this is, and registers a client for that user.
  const response = await fetch('/register', { method: 'POST' });
  if (response.ok) {
    const { clientId, connect: edges } = await response.json();
    const client = connect({ ...edges, clientId });
    client.on('state', ({ state: name }) => state(name));
    client.on('message', ({ data }) => show(data.text));
  } else {
    state(await response.text());
  }

  document.querySelector('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = JSON.stringify({ text: event.target.text.value });
    const sent = await fetch('/send', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (!sent.ok) state(await sent.text());
  });
</script>
`;

export const BACKEND = `import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { createBackend } from '@holdfast/server';

// .env has both: node --env-file=.env backend.mjs
const holdfast = createBackend({ controlUrl: process.env.HOLDFAST_CONTROL_URL, key: process.env.HOLDFAST_KEY });

const port = process.env.PORT ?? ${BACKEND_PORT};

// A real one takes the user from its session, and lets through what that user may do.
const user = 'ann';
const page = new URL('page.html', import.meta.url);
const sdk = new URL('node_modules/@holdfast/client/dist/holdfast.min.js', import.meta.url);

const answers = {
  'GET /': async () => ['text/html', await readFile(page)],
  'GET /holdfast.js': async () => ['text/javascript', await readFile(sdk)],
  'POST /register': async () => ['application/json', JSON.stringify(await holdfast.register({ user, may: { subscribe: [] } }))],
  'POST /send': async (request) => {
    const { text } = await json(request);
    return ['application/json', JSON.stringify(await holdfast.publishToUser(user, { text: String(text) }))];
  },
};

createServer(async (request, response) => {
  try {
    const answer = answers[\`\${request.method} \${request.url}\`];
    if (answer === undefined) return response.writeHead(404).end('There is no such page.');
    const [type, body] = await answer(request);
    response.writeHead(200, { 'content-type': type }).end(body);
  } catch (error) {
    console.error(error.message);
    response.writeHead(502, { 'content-type': 'text/plain' }).end(error.message);
  }
}).listen(port, '127.0.0.1', () => console.log(\`http://127.0.0.1:\${port}\`));
`;

/** Keeps npm in this folder, which else takes one above it that has a package.json. */
export const PACKAGE = `${JSON.stringify({ private: true, scripts: { start: 'node --env-file=.env backend.mjs' } }, null, 2)}\n`;
