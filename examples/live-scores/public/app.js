import { connect } from './holdfast.js';

// Each page is a client of its own, which is forgotten an hour after it has gone.
const tab = crypto.randomUUID();
const byId = (id) => document.getElementById(id);
const post = (path, body, signal) =>
  fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal });

let client;
let starts = 0;
let user = null;
let followed = [];
let scores = { version: -1, minute: 0, matches: [] };

/** Connects anew as whoever is signed in. Of several calls at once the last one counts: a page is one client. */
async function start() {
  const own = (starts += 1);
  client?.close();
  const session = await (await fetch('/session')).json();
  if (own !== starts) return;
  ({ user, followed } = session);
  showUser();
  let isSignedOut = false;
  client = connect({
    controlUrl: session.controlUrl,
    credential: 'subprotocol', // keeps the client id out of URLs, and so out of logs
    // Asked again before each token ends, and after a sleep. The connection stays.
    getToken: async ({ signal }) => {
      const response = await post(user === null ? '/visitor-token' : '/token', { tab }, signal);
      isSignedOut = response.status === 401;
      if (isSignedOut) return null; // meanwhile: the client ends as `not-authorized`
      if (!response.ok) throw new Error(`no token: ${response.status}`); // tried again
      return (await response.json()).token;
    },
  });
  // The topic brings what changes. The present state is asked for once the topic is there, so that nothing falls in between.
  client.on('welcome', async () => showScores(await (await fetch('/scores')).json()));
  client.on('message', ({ topic, data }) => (topic === '@user' ? showNotice(data.text) : showScores(data)));
  client.on('state', ({ state }) => {
    byId('connection').textContent = state === 'open' ? 'Live' : 'Connecting …';
    scores.matches.forEach(showMatch);
  });
  client.on('closed', ({ reason }) => {
    if (isSignedOut) void start();
    else if (reason !== 'closed') byId('connection').textContent = `Not connected (${reason}): reload the page`;
  });
}

function showScores(update) {
  if (update.version <= scores.version) return;
  scores = update;
  byId('minute').textContent = `${scores.minute}′`;
  scores.matches.forEach(showMatch);
  // Only goals are read aloud, and not each minute.
  for (const { text } of scores.goals ?? []) byId('goal').textContent = `Goal! ${text}`;
}

const items = new Map();

/** An item is made once for each match, so that its button keeps the focus while scores change. */
function showMatch({ id, home, away, goals }) {
  if (!items.has(id)) {
    const [item, teams, score, button] = ['li', 'span', 'b', 'button'].map((name) => document.createElement(name));
    teams.textContent = `${home} – ${away}`;
    button.addEventListener('click', () => void follow(id));
    item.append(teams, score, button);
    byId('matches').append(item);
    items.set(id, { score, button, label: `${home} against ${away}` });
  }
  const { score, button, label } = items.get(id);
  const isFollowed = followed.includes(id);
  score.textContent = goals.join(' : ');
  button.hidden = user === null;
  // A user that is not connected yet would miss the first notification.
  button.disabled = isFollowed || client?.state !== 'open';
  button.textContent = isFollowed ? 'Following' : 'Follow';
  button.setAttribute('aria-label', `${button.textContent} ${label}`);
}

async function follow(match) {
  const response = await post('/follow', { match });
  if (response.status === 401) return start();
  ({ followed } = await response.json());
  scores.matches.forEach(showMatch);
}

function showUser() {
  byId('login').hidden = user !== null;
  byId('logout').hidden = user === null;
  byId('user').textContent = user;
  byId('notices').replaceChildren();
  scores.matches.forEach(showMatch);
}

function showNotice(text) {
  const item = document.createElement('li');
  item.textContent = text; // never innerHTML: what was published is data
  byId('notices').prepend(item);
}

byId('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  if ((await post('/login', { name: byId('name').value })).ok) await start();
});
byId('logout').addEventListener('submit', async (event) => {
  event.preventDefault();
  await post('/logout', {});
  await start();
});
await start();
