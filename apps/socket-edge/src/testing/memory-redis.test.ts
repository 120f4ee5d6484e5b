import { edgePromises } from '@holdfast/broker/testing/edge-promises';
import type { TopicSettings } from '@holdfast/broker/broker';
import type { EdgeSettings } from '@holdfast/broker/topic-state';
import { MemoryRedis } from './memory-redis.ts';

const redis = new MemoryRedis();

/** Without what is not given. */
function settingsOf(settings: Pick<TopicSettings, 'expireSeconds' | 'presence'>): Partial<EdgeSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

edgePromises('Redis in memory', () => ({
  edge: redis.broker(),
  control: {
    putTopic: async (topic, settings = {}) => redis.putTopic(topic, settingsOf(settings)),
    expireTopic: async (topic) => redis.expireTopic(topic),
    deleteTopic: async (topic) => redis.deleteTopic(topic),
    publish: async (topic, text) => redis.publish(topic, text),
    register: async (clientId, topics) => redis.register(clientId, topics),
    unregister: async (clientId) => redis.unregister(clientId),
    subscribe: async (clientId, topic) => redis.subscribe(clientId, topic),
    unsubscribe: async (clientId, topic) => redis.unsubscribe(clientId, topic),
    markGone: async (clientId) => redis.markGone(clientId),
    disconnect: async (clientId) => redis.disconnect(clientId),
    publishToClient: async (clientId, text) => redis.publishToClient(clientId, text),
  },
  listen: async (edge, listener) => redis.subscriber(edge, listener),
}));
