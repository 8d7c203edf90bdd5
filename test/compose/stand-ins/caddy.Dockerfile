# Stands in for caddy: Debian's Caddy, run as the published image runs it.
FROM localhost/debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends caddy ca-certificates netcat-openbsd \
  && rm -rf /var/lib/apt/lists/* /etc/caddy/Caddyfile
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
