/** The folder that is mounted: a change of the keys file puts a new file in its place, which a mounted file would not show. */
export const KEYS_FOLDER = 'holdfast';

/** Services and variables have the names of the compose file in Holdfast's repository, which has a balancer and two edges. */
export const COMPOSE = `# Holdfast for this folder: Redis, control-api, and one edge.
#
#   docker compose up --detach
#
# control-api at http://127.0.0.1:7700, the edge at ws://127.0.0.1:7701. The images come from Holdfast's repository:
# "docker compose build" there. More edges, a balancer, and what production needs: docs/operations.md in it.
services:
  redis:
    image: redis:7.4-alpine
    command: [redis-server, --save, '', --appendonly, 'yes', --maxmemory-policy, noeviction, --notify-keyspace-events, Ks]
    volumes: ['redis:/data']
    healthcheck: { test: [CMD, redis-cli, ping], interval: 2s, timeout: 2s, retries: 30 }
    restart: unless-stopped

  control-api:
    image: \${HOLDFAST_REGISTRY:-holdfast}/control-api:\${HOLDFAST_VERSION:-local}
    # The keys file is readable by its owner alone: .env has who that is.
    user: '\${HOLDFAST_UID:-1000}:\${HOLDFAST_GID:-1000}'
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges:true']
    environment:
      REDIS_URL: redis://redis:6379
      API_KEYS_FILE: /etc/holdfast/api-keys.json
      CONTROL_ALLOWED_ORIGINS: none
      CONSOLE: 'on'
    volumes: ['./${KEYS_FOLDER}:/etc/holdfast']
    ports: ['127.0.0.1:7700:7700']
    depends_on: { redis: { condition: service_healthy } }
    restart: unless-stopped

  socket-edge:
    image: \${HOLDFAST_REGISTRY:-holdfast}/socket-edge:\${HOLDFAST_VERSION:-local}
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges:true']
    environment:
      REDIS_URL: redis://redis:6379
      EDGE_ADVERTISE_URL: ws://127.0.0.1:7701
      EDGE_DRAIN_SECONDS: 10
    stop_grace_period: 25s
    ulimits: { nofile: { soft: 65536, hard: 65536 } }
    ports: ['127.0.0.1:7701:7701']
    depends_on: { redis: { condition: service_healthy } }
    restart: unless-stopped

volumes:
  redis:
`;
