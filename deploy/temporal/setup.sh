#!/bin/sh
# Prepares Temporal's databases and namespace. Everything may be repeated, so an upgrade runs the same two steps.
#
#   setup.sh schema      creates and updates both databases; SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD or
#                        SQL_PASSWORD_FILE
#   setup.sh namespace   creates the namespace and the search attributes; TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE
set -eu

DATABASES='temporal:temporal temporal_visibility:visibility'
SCHEMAS=${TEMPORAL_SCHEMAS:-/etc/temporal/schema/postgresql/v12}
# The same names as in temporal/search-attributes.ts.
ATTRIBUTES='AssistantId ThreadId RunStatus Model ProjectId VectorStoreId BatchId'
NAMESPACE=${TEMPORAL_NAMESPACE:-default}
RETENTION=${TEMPORAL_RETENTION:-72h}
TRIES=60
[ -z "${SQL_PASSWORD_FILE:-}" ] || SQL_PASSWORD=$(cat "$SQL_PASSWORD_FILE")
export SQL_PASSWORD="${SQL_PASSWORD:-}"

schema() {
  for pair in $DATABASES; do
    database=${pair%%:*}
    temporal-sql-tool --db "$database" create-database
    temporal-sql-tool --db "$database" setup-schema --version 0.0
    temporal-sql-tool --db "$database" update-schema --schema-dir "$SCHEMAS/${pair#*:}/versioned"
  done
}

namespace() {
  retry 'The server does not answer' temporal operator cluster health
  retry 'The namespace cannot be created' ensure_namespace
  # A new namespace is known to every part of the server after some seconds.
  retry 'The search attributes cannot be registered' ensure_attributes
}

ensure_namespace() {
  temporal operator namespace describe --namespace "$NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$NAMESPACE" --retention "$RETENTION"
}

# Attributes that are there already are no error.
ensure_attributes() {
  set --
  for name in $ATTRIBUTES; do set -- "$@" --name "$name" --type Keyword; done
  temporal operator search-attribute create --namespace "$NAMESPACE" "$@" || return 1
  known=$(temporal operator search-attribute list --namespace "$NAMESPACE") || return 1
  for name in $ATTRIBUTES; do
    printf '%s\n' "$known" | grep -qw "$name" || return 1
  done
}

# retry <what to say at the end> <command ...>: tries for two minutes.
retry() {
  complaint=$1
  shift
  try=1
  until "$@"; do
    if [ "$try" -ge "$TRIES" ]; then
      echo "$complaint after $TRIES tries." >&2
      exit 1
    fi
    try=$((try + 1))
    sleep 2
  done
}

case ${1:-} in
schema | namespace) "$1" ;;
*)
  echo 'Usage: setup.sh schema | namespace' >&2
  exit 2
  ;;
esac
echo "Temporal's $1 is ready."
