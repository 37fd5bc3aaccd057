// SPDX-License-Identifier: Apache-2.0

// Package page serves the status page: all certificates on one page, failures first, live.
//
//	err := page.Setup(ctx, mgr, page.Options{Address: "127.0.0.1:8089", Clock: clock.RealClock{}})
//
// It only reads ApisixCertificates, VaultIssuers and ClusterVaultIssuers, from the manager's cache, also on a standby
// replica. It only sends their names, metadata and status, which contain no secrets.
//
//   - row.go: converts an object to a row of the page.
//   - feed.go: stores the rows, and which of them changed since a revision.
//   - watch.go: updates the feed from the cache.
//   - handler.go, events.go: HTTP. GET below /page/: the files of assets, snapshot (JSON), events (server-sent events).
//   - guard.go and package access: authorization. On a loopback address, everyone who connects with a Host name of this machine; on any other address, users whose token may list these objects.
//
// The browser derives the state of a certificate from its status and the current time (assets/state.js), so that an
// open page stays correct. The page does not change anything and does not terminate TLS.
package page
