// SPDX-License-Identifier: Apache-2.0

// Package manifests embeds the manifests of this folder, for the demo and the tests: CRDs, RBAC, admission policies and samples.
package manifests

import "embed"

// FS holds crds/, rbac/, policy/ and samples/.
//
//go:embed crds rbac policy/approval.yaml policy/status.yaml samples
var FS embed.FS
