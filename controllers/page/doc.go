// SPDX-License-Identifier: Apache-2.0

// Package page serves the status page: all certificates on one page, failures first, live.
//
//	err := page.Setup(ctx, mgr, page.Options{Address: "127.0.0.1:8089", Clock: clock.RealClock{}})
//
// It reads ApisixCertificates, VaultIssuers and ClusterVaultIssuers from the manager's cache, on a replica that stands by
// too, and never anything else: what it sends is in their metadata, names and status, so that no secret comes near it.
//
//   - row.go: from an object to what the page shows of it.
//   - feed.go: the rows, and which of them changed since a revision.
//   - watch.go: from the cache to the feed.
//   - handler.go, events.go: HTTP. GET below /page/: the files of assets, snapshot (JSON), events (server-sent events).
//   - guard.go, package access: who may read. On a loopback address whoever reaches it, under a Host name of this machine; on any
//     other the bearers of tokens that may list the objects shown.
//
// How a certificate stands is decided in the browser (assets/state.js), by the status and the time there: a page that is
// left open tells the truth. What it does not do: change anything, or end TLS.
package page
