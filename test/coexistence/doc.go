// SPDX-License-Identifier: Apache-2.0

// Package coexistence holds the tests of life beside an APISIX ingress controller: the real 1.8.4 as a process (package
// servers), and [Controller2x], a double of the 2.x line, which cannot be built from Go modules.
//
// docs/coexistence.md names a test of this package in each cell of its table.
package coexistence
