import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

window.Pusher = Pusher;

const isSecure = import.meta.env.VITE_PUSHER_SCHEME === 'https';

window.Echo = new Echo({
  broadcaster: 'pusher',
  key: import.meta.env.VITE_PUSHER_APP_KEY,
  wsHost: import.meta.env.VITE_PUSHER_HOST,
  wsPort: import.meta.env.VITE_PUSHER_PORT,
  wssPort: import.meta.env.VITE_PUSHER_PORT,
  forceTLS: isSecure,
  cluster: 'any', // must be there, and is not used with a host
  enabledTransports: ['ws', 'wss'], // else it also tries hosts of pusher.com
});

/** Calls `listener` with each order of this user that is shipped. */
export function onOrderShipped(userId, listener) {
  window.Echo.private(`orders.${userId}`).listen('OrderShipped', ({ orderId }) => listener(orderId));
}
