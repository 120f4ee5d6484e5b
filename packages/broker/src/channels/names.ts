import { type ChannelKind, channelKind, channelOfTopic } from '@holdfast/protocol/pusher-channels';

/** What the channel is that a topic is. */
export function kindOf(topic: string): ChannelKind {
  return channelKind(channelOfTopic(topic)?.channel ?? '');
}

/**
 * Whether a channel belongs to one user: the one on which it receives, and the one that has its connections. Nothing is
 * told of them. Their names begin with what no other channel may have.
 */
export function isChannelOfUser(channel: string): boolean {
  return channel.startsWith('#');
}
