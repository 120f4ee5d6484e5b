import { type SubmitEvent, useState } from 'react';
import { Room } from './room.tsx';

const ROOMS = ['lobby', 'music', 'help'];

/** A room is a topic `chat.<room>`, which comes about when the first one subscribes: nothing is set up for it. */
export function Rooms({ controlUrl, user }: { controlUrl: string; user: string }) {
  const [rooms, setRooms] = useState(ROOMS);
  const [current, setCurrent] = useState('lobby');
  const [name, setName] = useState('');
  const open = (event: SubmitEvent) => {
    event.preventDefault();
    setRooms([...new Set([...rooms, name])]);
    setCurrent(name);
    setName('');
  };
  return (
    <div className="rooms">
      <nav aria-label="Rooms">
        <ul>
          {rooms.map((room) => (
            <li key={room}>
              <button aria-current={room === current ? 'page' : undefined} onClick={() => setCurrent(room)}>
                # {room}
              </button>
            </li>
          ))}
        </ul>
        <form onSubmit={open}>
          <label htmlFor="room">Another room</label>
          <div className="row">
            <input
              id="room"
              value={name}
              onChange={({ target }) => setName(target.value)}
              required
              pattern="[a-z0-9\-]{1,30}"
              autoCapitalize="none"
            />
            <button>Open</button>
          </div>
        </form>
      </nav>
      <Room key={current} room={current} controlUrl={controlUrl} user={user} />
    </div>
  );
}
