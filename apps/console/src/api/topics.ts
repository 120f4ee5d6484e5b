import type { logResponse, publishResponse } from '@holdfast/protocol/rest/messages';
import type { presenceResponse } from '@holdfast/protocol/rest/presence';
import type {
  deleteTopicResponse,
  putTopicRequest,
  topicDetailsResponse,
  topicResponse,
  topicsListResponse,
} from '@holdfast/protocol/rest/topics';
import { type Request, change, get, path } from './request.ts';

export type Topic = (typeof topicResponse)['_output'];
export type TopicDetails = (typeof topicDetailsResponse)['_output'];
export type TopicSettings = NonNullable<(typeof putTopicRequest)['_input']>;
export type LogPage = (typeof logResponse)['_output'];
export type PresencePage = (typeof presenceResponse)['_output'];

/** Names that begin with `prefix`; '' is any. */
export function listTopics(prefix: string, cursor?: string): Request<(typeof topicsListResponse)['_output']> {
  return get('/v1/topics', { prefix, cursor, limit: 50 });
}

export function readTopic(topic: string): Request<TopicDetails> {
  return get(path`/v1/topics/${topic}`);
}

/** Without the number of subscribers, for which all edges would be asked. */
export function readPosition(topic: string): Request<Pick<TopicDetails, 'position'>> {
  return get(path`/v1/topics/${topic}`, { subscribers: 'false' });
}

export function putTopic(topic: string, settings: TopicSettings): Request<Topic> {
  return change('PUT', path`/v1/topics/${topic}`, settings);
}

export function deleteTopic(topic: string): Request<(typeof deleteTopicResponse)['_output']> {
  return change('DELETE', path`/v1/topics/${topic}`);
}

/** The log after a position; from the oldest message that is kept when there is none. */
export function readLog(topic: string, after: string | undefined, limit: number): Request<LogPage> {
  return get(path`/v1/topics/${topic}/messages`, { after, limit });
}

export function readPresence(topic: string, cursor?: string): Request<PresencePage> {
  return get(path`/v1/topics/${topic}/presence`, { cursor, limit: 100 });
}

/** @param json the message, as JSON text: it arrives byte for byte */
export function publish(topic: string, json: string): Request<(typeof publishResponse)['_output']> {
  return { method: 'POST', path: path`/v1/topics/${topic}/messages`, body: json };
}
