// SPDX-License-Identifier: Apache-2.0

// Package e2e shows the main job on real servers, from outside: the controller is a process of its own under the rights
// of its ServiceAccount, beside a real API server and a real Vault, with the stand-in as gateway or a real one
// (APISIX_CERTS_TEST_ADMIN_URL, _ADMIN_KEY and _TLS_ADDR).
//
// All tests share one world (world_test.go), each in a namespace and a domain of its own (scene_test.go). Tests that
// stop something for everyone, or count what everyone causes, do not run in parallel.
package e2e
