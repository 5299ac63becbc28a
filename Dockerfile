# One image for every role: which node it is, the node's private file says.

FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# The packages bring their binaries along; none has a script that must run.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY scripts ./scripts
COPY examples ./examples
RUN npm run build \
 && chmod 755 dist/src/cli/main.js \
 && npm prune --omit=dev --ignore-scripts

FROM node:22-slim
ENV NODE_ENV=production
COPY --from=build /build/node_modules /opt/concordat/node_modules
COPY package.json /opt/concordat/
COPY wsdl /opt/concordat/wsdl
COPY src/banking/front/pages /opt/concordat/src/banking/front/pages
COPY --from=build /build/dist/src /opt/concordat/dist/src
COPY --from=build /build/dist/browser /opt/concordat/dist/browser
# The applications that come with the package, and their pages.
COPY --from=build /build/dist/examples/supply-chain /opt/concordat/dist/examples/supply-chain
COPY --from=build /build/dist/examples/banking /opt/concordat/dist/examples/banking
COPY examples/supply-chain/pages /opt/concordat/examples/supply-chain/pages
RUN ln -s /opt/concordat/dist/src/cli/main.js /usr/local/bin/concordat
USER node
WORKDIR /home/node
# HTTP, and the links among coordinators.
EXPOSE 8080 9443
# The flag: docs/operations.md, "Run the nodes".
ENTRYPOINT ["node", "--max-semi-space-size=64", "/opt/concordat/dist/src/cli/main.js"]
CMD ["--help"]
