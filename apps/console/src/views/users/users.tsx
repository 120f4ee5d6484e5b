import type { ViewProps } from '../view.ts';
import { UserList } from './user-list.tsx';
import { UserPage } from './user-page.tsx';

/** Users, or one of them. */
export function Users({ rest: [user] }: ViewProps) {
  return user === undefined ? <UserList /> : <UserPage key={user} user={user} />;
}
