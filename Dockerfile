# Two images: `app` is the API, the worker and the migrations; `sandboxd` has Python as well, and runs the code that
# models write. docker-compose.yml names the command of each.
# Debian, not Alpine: Temporal's native part needs glibc, and Debian has the Python of the sandbox.
FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app
# glibc gives each thread its own memory arena, which keeps the memory that it once needed.
ENV NODE_ENV=production THREADMILL_CACHE_DIR=/app/.cache MALLOC_ARENA_MAX=2

# The console's packages are needed for its build only.
FROM base AS console
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts
COPY console console
RUN node console/build.ts

# The compiler of the workflow bundle is an optional package, so the bundle is built apart.
FROM base AS bundle
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY . .
RUN node worker/bundle.ts

FROM base AS app
COPY package.json package-lock.json .npmrc ./
# Optional packages are the embedded PostgreSQL and Node itself. Of Temporal's native part one platform is enough, and of
# Tesseract one build and the smaller data.
RUN npm ci --omit=optional --omit=dev --ignore-scripts \
  && npm cache clean --force \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} + \
  && find node_modules/tesseract.js-core -name 'tesseract-core*' \
    ! -name tesseract-core-simd-lstm.js ! -name tesseract-core-simd-lstm.wasm -delete \
  && rm -rf node_modules/@tesseract.js-data/*/4.0.0
COPY . .
COPY --from=bundle /app/.cache .cache
COPY --from=console /app/console/dist console/dist
# An empty volume that is mounted here takes over the owner.
RUN install --directory --owner=1000 --group=1000 /run/threadmill

# The account `node` of the base image, by number, so that Kubernetes can see it is not root.
USER 1000
EXPOSE 8080
# Node is the first program and gets the signals; `init` in docker-compose.yml collects what the sandbox leaves behind.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s \
  CMD ["node", "deploy/healthcheck.ts", "api"]
CMD ["node", "api/main.ts"]

FROM base AS sandboxd
# The sandbox of code_interpreter (setpriv and prlimit are in every Debian), and the Python it runs.
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    bubblewrap python3 python3-numpy python3-pandas python3-matplotlib fonts-noto-cjk \
  && rm -rf /var/lib/apt/lists/* \
  && install --directory --owner=1000 --group=1000 /run/threadmill
COPY --from=app /app .
USER 1000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s \
  CMD ["node", "deploy/healthcheck.ts", "sandboxd"]
CMD ["node", "sandboxd/main.ts"]
