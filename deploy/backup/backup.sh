#!/bin/sh
# Backs up a whole PostgreSQL server, so that the databases of Threadmill and of Temporal are of one moment, and restores it as it
# was at any moment after a base backup. It runs where PostgreSQL runs, as PostgreSQL's own user: docs/operations/backup.md.
#
#   backup.sh archive <path> <name>    keeps a segment of the log of changes (WAL); PostgreSQL's archive_command calls it
#   backup.sh base                     copies the server's files while it runs
#   backup.sh list                     names the base backups by the time they ended
#   backup.sh prune <number>           deletes all but the newest base backups, and the log before the oldest that stays
#   backup.sh restore [<time>]         fills PGDATA for a start at that time, such as 2026-11-29T04:05:00Z, or at the end of the log
#
# BACKUP_DIR holds base/ and wal/, and replaced/ with what was in PGDATA before a restore.
set -eu
: "${BACKUP_DIR:?names the directory of the backups}"
base=$BACKUP_DIR/base
wal=$BACKUP_DIR/wal

fail() {
  echo "$1" >&2
  exit 1
}

archive() {
  mkdir -p "$wal"
  # After a crash PostgreSQL may offer a segment again.
  if [ -e "$wal/$2" ]; then cmp -s "$1" "$wal/$2" || fail "$wal/$2 is another segment of that name."; return; fi
  cp "$1" "$wal/$2.part"
  sync "$wal/$2.part"
  mv "$wal/$2.part" "$wal/$2"
}

base() {
  mkdir -p "$base"
  rm -rf "$base"/*.part
  part=$base/$(date -u +%s).part
  pg_basebackup --username="${POSTGRES_USER:-threadmill}" --pgdata="$part" --format=tar --gzip --checkpoint=fast
  sync
  # A restore may only end after the backup has ended.
  name=$(date -u +%Y%m%dT%H%M%SZ)
  mv "$part" "$base/$name"
  echo "$name"
}

list() {
  for backup in "$base"/*Z; do [ ! -d "$backup" ] || basename "$backup"; done
}

prune() {
  kept=$(list | tail -n "$1")
  [ -n "$kept" ] || fail 'No base backup would be left.'
  for name in $(list); do
    echo "$kept" | grep -qx "$name" || rm -rf "${base:?}/$name"
  done
  oldest=$(echo "$kept" | head -n 1)
  first=$(tar -xzOf "$base/$oldest/base.tar.gz" backup_label | sed -n 's/^START WAL LOCATION: .*(file \(.*\))$/\1/p')
  # Timelines differ in the first eight digits; the position in the log is in the others.
  for segment in "$wal"/*; do
    name=$(basename "$segment")
    case $name in *.history | *.part) continue ;; esac
    [ "$(printf '%s\n%s\n' "${name#????????}" "${first#????????}" | LC_ALL=C sort | head -n 1)" = "${first#????????}" ] || rm -f "$segment"
  done
}

# The newest base backup that ended before this time in seconds.
newest_before() {
  for name in $(list); do
    ended=$(echo "$name" | sed 's/^\(....\)\(..\)\(..\)T\(..\)\(..\)\(..\)Z$/\1-\2-\3T\4:\5:\6Z/')
    [ "$(date -u -d "$ended" +%s)" -gt "$1" ] || echo "$name"
  done | tail -n 1
}

restore() {
  : "${PGDATA:?names the data directory of PostgreSQL}"
  seconds=$(date -u -d "${1:-now}" +%s) || fail "'$1' is not a time."
  name=$(newest_before "$seconds")
  [ -n "$name" ] || fail "No base backup ended before ${1:-now}."
  pg_ctl --pgdata="$PGDATA" status >/dev/null 2>&1 && fail "PostgreSQL runs in $PGDATA. Stop it first."
  replaced=$BACKUP_DIR/replaced/$(date -u +%Y%m%dT%H%M%SZ)
  mkdir -p "$replaced"
  find "$PGDATA" -mindepth 1 -maxdepth 1 -exec mv {} "$replaced" \;
  tar -xzf "$base/$name/base.tar.gz" -C "$PGDATA"
  tar -xzf "$base/$name/pg_wal.tar.gz" -C "$PGDATA/pg_wal"
  # A backup that was made after a restore has the settings of that restore.
  sed -i '/^\(restore_command\|recovery_target\)/d' "$PGDATA/postgresql.auto.conf"
  {
    echo "restore_command = 'cp \"$wal/%f\" \"%p\"'"
    [ -z "${1:-}" ] || echo "recovery_target_time = '$(date -u -d "$1" '+%Y-%m-%d %H:%M:%S.%6N+00')'"
    echo "recovery_target_action = 'promote'"
  } >>"$PGDATA/postgresql.auto.conf"
  touch "$PGDATA/recovery.signal"
  echo "PostgreSQL will start from $name as of ${1:-the end of the log}. What was in PGDATA is in $replaced."
}

case ${1:-} in
archive | base | list | prune | restore) "$@" ;;
*)
  echo 'Usage: backup.sh archive | base | list | prune | restore' >&2
  exit 2
  ;;
esac
