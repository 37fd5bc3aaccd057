// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"fmt"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

func ExampleDecide() {
	spec := certs.Spec{DNSNames: []string{"WWW.example.com"}}.Normalize()
	for _, problem := range spec.Validate() {
		fmt.Println(problem)
	}
	decision := certs.Decide(certs.Observed{Spec: spec}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	fmt.Println(decision.Issue, decision.Reason, decision.Message)
	// Output: true SecretMissing the Secret does not exist
}

func ExampleSpec_Validate() {
	spec := certs.Spec{DNSNames: []string{"www.example.com.", "*.*.example.com"}, Key: certs.KeySpec{Size: 2048}}
	for _, problem := range spec.Validate() {
		fmt.Println(problem)
	}
	// Output:
	// dnsNames[0] "www.example.com." ends in a dot: leave out the trailing dot
	// dnsNames[1] "*.*.example.com" has a star where none may be: use one star as the whole first label, as in "*.example.com"
	// privateKey.size "2048" is no size of an ECDSA key: set privateKey.algorithm: RSA
}
