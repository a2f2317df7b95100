#!/bin/sh
# Fills ./secrets with random passwords, and the URLs that hold them. Existing files stay: the servers keep
# their first passwords. Only the owner may enter the folder; every user may read its files, because each
# container has a user of its own.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets

make_once() { # NAME TEXT
    [ -e "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"
    chmod 444 "secrets/$1"
}
random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
secret() { cat "secrets/$1"; }

for name in redis-password mongo-password postgres-password; do
    make_once "$name" "$(random 24)"
done
make_once mongo-key "$(random 96)"
make_once jwt-secret "$(random 32)"
make_once session-secret "$(random 32)"
make_once master-key "$(head -c 32 /dev/urandom | base64)"
make_once redis-url "redis://:$(secret redis-password)@redis:6379/0"
make_once mongo-url "mongodb://billie:$(secret mongo-password)@mongo:27017/?replicaSet=rs0&authSource=admin"
make_once event-store-url "postgresql://billie:$(secret postgres-password)@postgres:5432/billie"
echo "The secrets are in $(pwd)/secrets."
