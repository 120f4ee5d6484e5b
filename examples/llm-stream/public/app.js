import { connect, createRest } from './holdfast.js';

// Each page is a client of its own, for it reads the answer from its start: nothing is kept from one load to the next.
const viewer = crypto.randomUUID();
const byId = (id) => document.getElementById(id);
const post = (path, body, signal) =>
  fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal });

const { controlUrl } = await (await fetch('/settings')).json();
let client;
/** The id of an answer, as the server makes it. */
const ANSWER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Shows an answer from its start to its end, whenever this page comes. */
async function view(answer) {
  const topic = `answer.${answer}`;
  const getToken = async ({ signal } = {}) => {
    const response = await post('/token', { viewer, answer }, signal);
    if (!response.ok) throw new Error(`no token: ${response.status}`);
    return (await response.json()).token;
  };
  clear();
  client?.close();
  if (!ANSWER.test(answer)) return showStatus('There is no answer at this address.');
  const mine = (client = connect({ controlUrl, getToken, credential: 'subprotocol' }));
  mine.on('lost', () => showStatus('Some of the answer is gone.'));
  mine.on('closed', ({ reason }) => reason !== 'closed' && showStatus(`No further parts: ${reason}.`));

  // First the live messages, which wait here; then the history. In the other order a part could fall in between.
  const live = mine.messages(topic);
  const opened = new Promise((resolve) => mine.on('welcome', resolve));
  const seen = new Set();
  try {
    await opened;
    await mine.subscribe([topic]);
    const rest = createRest({ controlUrl, token: await getToken() });
    for (let after = '0-0', more = true; more;) {
      const page = await rest.history(topic, { after, limit: 1000 });
      if (!page.complete) showStatus('The beginning is gone.');
      for (const message of page.messages) show(message);
      more = page.more ?? false;
      after = page.messages.at(-1)?.id ?? after;
    }
  } catch (error) {
    if (mine !== client) return; // another answer was asked for meanwhile
    showStatus(error.code === 'topic-not-found' ? 'This answer is gone.' : `Not shown: ${error.message}`);
    mine.close();
  }
  // Ends with the client. After a break of the connection the client resumes, and the loop goes on.
  for await (const message of live) show(message);

  function show({ id, data }) {
    if (mine !== client || seen.has(id)) return; // in the history, and live
    seen.add(id);
    if (data.prompt !== undefined) byId('asked').textContent = data.prompt;
    if (data.text !== undefined) byId('text').append(data.text);
    if (data.end === undefined) return;
    showStatus(data.end === 'complete' ? 'The answer is complete.' : 'The answer broke off.');
    mine.close(); // nothing more comes
  }
}

function clear() {
  byId('answer').hidden = false;
  byId('asked').textContent = '';
  byId('text').textContent = '';
  showStatus('Answering …');
}

function showStatus(text) {
  byId('status').textContent = text;
  byId('answer').setAttribute('aria-busy', String(text === 'Answering …'));
}

byId('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  const response = await post('/answers', { prompt: byId('prompt').value });
  if (response.ok)
    location.hash = (await response.json()).id; // the address is what others open
  else showStatus('The answer could not be started.');
});

const showAddressed = () => location.hash !== '' && void view(location.hash.slice(1));
addEventListener('hashchange', showAddressed);
showAddressed();
