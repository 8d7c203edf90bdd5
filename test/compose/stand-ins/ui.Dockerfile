# Stands in for temporalio/ui: an earlier version of the same server.
FROM localhost/debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends netcat-openbsd \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /home/ui-server
COPY bin/ui-server ./
COPY ui.yaml config/docker.yaml
ENTRYPOINT ["./ui-server", "--env", "docker", "start"]
