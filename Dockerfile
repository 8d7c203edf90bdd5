# Two images: `app` is the API, the worker and the migrations; `sandboxd` has Python as well, and runs the code that
# models write. docker-compose.yml names the command of each.
# Debian, not Alpine: Temporal's native part needs glibc, and Debian has the Python of the sandbox.
FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app
# glibc gives each thread its own memory arena, which keeps the memory that it once needed.
ENV NODE_ENV=production THREADMILL_CACHE_DIR=/app/.cache MALLOC_ARENA_MAX=2

# The console's packages and the compiler of the workflow bundle are needed for these two only.
FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts
COPY tsconfig.json ./
COPY console console
RUN node console/build.ts
COPY . .
RUN node worker/bundle.ts

FROM base AS app
COPY package.json package-lock.json .npmrc ./
# Optional packages are the embedded PostgreSQL, Deno and Node itself; without Deno nothing runs Pyodide. Of Temporal's native part
# one platform is enough, of Tesseract one build and the smaller data, and of the others what Node loads.
RUN npm ci --omit=optional --omit=dev --ignore-scripts \
  && npm cache clean --force \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} + \
  && find node_modules/tesseract.js-core -name 'tesseract-core*' \
    ! -name tesseract-core-simd-lstm.js ! -name tesseract-core-simd-lstm.wasm -delete \
  && rm -rf node_modules/@tesseract.js-data/*/4.0.0 node_modules/pyodide node_modules/openai/src \
    node_modules/gpt-tokenizer/src node_modules/gpt-tokenizer/cjs node_modules/gpt-tokenizer/data \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
COPY . .
COPY --from=build /app/.cache .cache
COPY --from=build /app/console/dist console/dist
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
# The sandbox of code_interpreter (setpriv and prlimit are in every Debian), and the Python it runs. Debian's scipy and fonttools
# bring a compiler, headers and tests along: half of the bytes, which no cell needs. Figures have the sans-serif letters.
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    bubblewrap python3 python3-numpy python3-pandas python3-matplotlib fonts-noto-cjk \
  && apt-get clean \
  && rm -rf /var/lib/apt/lists/* /usr/include /usr/lib/gcc /usr/lib/*-linux-gnu/*.a /usr/lib/*-linux-gnu/*/*.a \
    /usr/lib/*-linux-gnu/lib[talu]*san.so* /usr/lib/*-linux-gnu/libisl.so* /usr/lib/*-linux-gnu/libgprofng.so* \
    /usr/lib/python3.*/config-*/*.a /usr/lib/python3/dist-packages/pythran /usr/bin/*-linux-gnu-* /usr/bin/*-12 \
    /usr/share/unicode /usr/share/fonts/opentype/noto/NotoSerif* \
  && find /usr/lib/python3/dist-packages -depth -type d -name tests -exec rm -rf {} + \
  && install --directory --owner=1000 --group=1000 /run/threadmill
COPY --from=app /app .
USER 1000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s \
  CMD ["node", "deploy/healthcheck.ts", "sandboxd"]
CMD ["node", "sandboxd/main.ts"]
