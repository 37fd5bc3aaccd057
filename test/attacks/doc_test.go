// SPDX-License-Identifier: Apache-2.0

// Package attacks lets one tenant try what it can against another, on real servers: the API server with RBAC, Vault, and
// the controller as a process of its own, with the stand-in as gateway.
//
// A tenant is a ServiceAccount that may write Secrets, sources, ApisixCertificates and VaultIssuers in its own namespace
// alone, and acts with its own credentials. Each row (tally_test.go) has an attack, or a slip that does as much harm, and
// beside it an honest use of the same feature, which must go on working. Each row has two namespaces of its own
// (scene_test.go) in one world (world_test.go); rows that need other flags, another gateway or a restart have a controller
// of their own (outpost_test.go).
//
// `make attacks` runs all of it and prints the measures last. What a tenant can do to the pace of others is measured in
// fairness_test.go.
package attacks
