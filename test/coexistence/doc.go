// SPDX-License-Identifier: Apache-2.0

// Package coexistence holds the tests of life beside an APISIX ingress controller: the real 1.8.4 as a process (package
// servers), and [Controller2x], a double of the 2.x line, which cannot be built from Go modules.
//
// "make coexistence" runs them beside the stand-in for APISIX and that double. Real servers are given by the environment, or by flags:
//
//	APISIX_CERTS_TEST_ADMIN_URL    -admin-url           Admin API of a real gateway that holds nothing else
//	APISIX_CERTS_TEST_ADMIN_KEY                         its admin key; or a file with it:
//	APISIX_CERTS_TEST_ADMIN_KEY_FILE  -admin-key-file
//	APISIX_CERTS_TEST_TLS_ADDR     -tls-addr            HOST:PORT of its TLS port
//	APISIX_CERTS_TEST_KUBECONFIG   -cluster-kubeconfig  of a cluster for tests in which the real 2.x runs for that gateway
//	APISIX_CERTS_TEST_INGRESS_CLASS  -ingress-class     IngressClass and GatewayClass of that controller, "apisix" by default
//
//	make coexistence ARGS="-run TestCells -args -admin-url http://10.0.0.7:9180 -admin-key-file key -tls-addr 10.0.0.7:9443"
//
// With a gateway alone the cells of mode own and those beside the real 1.8.4 are played there; with a cluster too, those beside the real
// 2.x (mode secret where the gateway is in API-driven standalone mode). What needs the double is skipped, and says so. The cluster's
// credentials are a client certificate or a token; it gets this project's CRDs and RBAC, and keeps them; and this machine must reach the
// gateway at the address that the IngressClass's GatewayProxy has, if there is one. Command test/standin tries the flags without a real APISIX.
//
// docs/coexistence.md names a test of this package in each cell of its table.
package coexistence
