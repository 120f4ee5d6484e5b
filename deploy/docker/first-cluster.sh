#!/bin/sh
# Makes a Redis Cluster of the nodes whose addresses are given, with a replica for each master, unless they are one already.
# Exits with 0 when every node reports that all slots are served, with 1 when that takes too long.
set -eu
port=6379
patience_seconds=60

serves() {
  redis-cli -h "$1" -p "$port" cluster info | grep -q '^cluster_state:ok'
}

knows_others() {
  [ "$(redis-cli -h "$1" -p "$port" cluster nodes | wc -l)" -gt 1 ]
}

if ! knows_others "$1"; then
  nodes=
  for host; do nodes="$nodes $host:$port"; done
  # shellcheck disable=SC2086 # one word for each node
  redis-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes
fi

for host; do
  waited=0
  until serves "$host"; do
    [ "$waited" -lt "$patience_seconds" ] || exit 1
    waited=$((waited + 1))
    sleep 1
  done
done
