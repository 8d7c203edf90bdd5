# Stands in for temporalio/server: the server of the same version with its own entry point, on Debian instead of Alpine.
FROM localhost/debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends netcat-openbsd ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 1000 --create-home temporal \
  # Debian's sh knows no pipefail, which Alpine's does.
  && ln -sf bash /bin/sh
COPY bin/temporal-server /usr/local/bin/
COPY entrypoint.sh /etc/temporal/entrypoint.sh
RUN chmod 755 /etc/temporal/entrypoint.sh
WORKDIR /etc/temporal
USER temporal
CMD ["/etc/temporal/entrypoint.sh"]
