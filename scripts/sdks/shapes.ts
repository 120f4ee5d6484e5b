import { presenceMember } from '../../packages/protocol/src/down.ts';
import { eventData } from '../../packages/protocol/src/events.ts';
import { problem } from '../../packages/protocol/src/problems.ts';
import {
  clientResponse,
  connectInfo,
  registerResponse,
  served,
  topicsResponse,
} from '../../packages/protocol/src/rest/clients.ts';
import { batchResult, publishResponse } from '../../packages/protocol/src/rest/messages.ts';
import { presenceResponse } from '../../packages/protocol/src/rest/presence.ts';
import { history, presenceSettings, topicResponse } from '../../packages/protocol/src/rest/topics.ts';
import { disconnectUserResponse, revokeResponse, userResponse } from '../../packages/protocol/src/rest/users.ts';
import { registeredMay, tokenMay } from '../../packages/protocol/src/user.ts';
import { type Schema, type Shape, shapeOf, wordsOf } from './model.ts';

/** The shapes of objects within others, by the names of their fields. */
const nested = new Map([
  ['connect', 'ConnectInfo'],
  ['errors', 'FieldError'],
  ['history', 'History'],
  ['may', 'May'],
  ['member', 'Member'],
  ['members', 'Member'],
  ['presence', 'PresenceSettings'],
  ['served', 'ServedTopic'],
]);

const answer = (name: string, doc: string, schema: Schema): Shape => shapeOf(name, doc, schema, 'output', nested);
const request = (name: string, doc: string, schema: Schema): Shape => shapeOf(name, doc, schema, 'input', nested);

/** What the calls of a backend answer with. What others hold comes first. */
export const answers: readonly Shape[] = [
  answer(
    'FieldError',
    'a field of a request that was wrong, and the rule it broke',
    problem.shape.errors.unwrap().element,
  ),
  answer('Problem', 'what the server says of a request that it refused (RFC 9457)', problem),
  answer('Published', 'a message that was published', publishResponse),
  answer('BatchResult', 'what the server says of one message of several', batchResult),
  answer('ConnectInfo', 'where a client connects', connectInfo),
  answer('Registration', 'a client that was registered', registerResponse),
  answer('ClientTopics', 'what a client is subscribed to', topicsResponse),
  answer('ServedTopic', 'how far an edge is with a topic of a client', served.valueType),
  answer('May', 'what a client may do by itself; what is not named it may not do', tokenMay),
  answer('ClientDetails', 'all that is known of a client', clientResponse),
  answer('History', 'how many messages of a topic are kept, and for how long', history),
  answer('PresenceSettings', 'who counts as present on a topic, and what is shown of it', presenceSettings.required()),
  answer('Topic', 'a topic and its settings', topicResponse),
  answer('Member', 'a user, or a client without one, that is present', presenceMember),
  answer('PresencePage', 'a page of who is present on a topic', presenceResponse),
  answer('UserDetails', 'whether a user is connected', userResponse),
  answer('DisconnectedUser', 'a user whose connections are being closed', disconnectUserResponse),
  answer('Revoked', 'a user whose tokens were revoked', revokeResponse),
];

/** What calls take. */
export const requests: readonly Shape[] = [
  request('RegisterMay', 'what a client may do with its id, never more than the API key', registeredMay),
  request(
    'PresenceOptions',
    'who is to count as present on a topic; what is not given has its default',
    presenceSettings,
  ),
  request('TokenMay', 'what the holder of a token may do, never more than the API key', tokenMay),
];

/** The data of each type of event. */
export const events: readonly { type: string; shape: Shape }[] = Object.entries(eventData).map(([type, schema]) => ({
  type,
  shape: answer(wordsOf(type).map(capitalized).join(''), `the data of an event of type ${type}`, schema),
}));

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
