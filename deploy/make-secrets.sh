#!/bin/sh
# Writes the secrets of docker-compose.yml into secrets/: what .env of an earlier version has, else new passwords and empty keys.
# A file that is there stays as it is.
set -eu
umask 077
cd "$(dirname "$0")/.."
mkdir -p secrets
# Containers read the files as users of their own. The directory keeps other users of the computer out.
chmod 700 secrets

# write <variable> <default>
write() {
  file=secrets/$(echo "$1" | tr '[:upper:]' '[:lower:]')
  [ ! -e "$file" ] || return 0
  value=
  [ ! -e .env ] || value=$(sed -n "s/^$1=[\"']\{0,1\}\([^\"']*\).*/\1/p" .env | tail -n 1)
  printf '%s\n' "${value:-$2}" >"$file"
  chmod 444 "$file"
}

random() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

for name in POSTGRES DATABASE TEMPORAL_DATABASE; do write "${name}_PASSWORD" "$(random)"; done
for name in MODEL EMBEDDINGS; do write "${name}_API_KEY" ''; done
