FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
# The optional packages hold the PostgreSQL of development servers; an image is given DATABASE_URL.
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# For the log and the secret of a container that is run with NODE_ENV=development.
RUN install --directory --owner=node --group=node .data
COPY package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY migrations ./migrations
COPY views ./views
COPY programme ./programme
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Sizes in MiB: V8 lets a heap grow to a share of the machine before it collects; docs/operating.md says more.
CMD ["node", "--max-semi-space-size=8", "--max-old-space-size=512", "--no-parallel-scavenge", "--no-allocation-site-pretenuring", "dist/index.js", "start"]
