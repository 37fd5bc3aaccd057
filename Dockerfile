# SPDX-License-Identifier: Apache-2.0
# For those who build images with a daemon; `make image` needs none, and gives the same bytes each time. This file is not
# built by the project's tests.
#
#   docker buildx build --build-arg VERSION=$(git describe --tags --always) -t REGISTRY/apisix-certs:TAG .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.version=$VERSION" -o /out/apisix-certs ./cmd/apisix-certs \
 && mkdir -p /out/etc/ssl/certs && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >/out/etc/passwd && echo 'nonroot:x:65532:' >/out/etc/group

FROM scratch
ARG VERSION=unknown
LABEL org.opencontainers.image.title=apisix-certs org.opencontainers.image.licenses=Apache-2.0 org.opencontainers.image.version=$VERSION
COPY --from=build /out/ /
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/apisix-certs"]
