// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/base64"
	"testing"
)

func TestWitnessFindsSecrets(t *testing.T) {
	t.Parallel()
	const key = "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04f"
	for text, leaks := range map[string]int{
		"level=DEBUG msg=" + key + " and more":                                     1,
		"x" + base64.StdEncoding.EncodeToString([]byte(key)):                       1,
		"-----BEGIN EC PRIVATE KEY-----":                                           1,
		base64.StdEncoding.EncodeToString([]byte("-----BEGIN PRIVATE KEY-----\n")): 1,
		"X-Vault-Token: hvs.CAESIJ1ZkWQ0aXh3c0pYbG1x":                              1,
		"Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2ln":                     1,
		"level=INFO msg=\"certificate issued\" serial=0123abc " + key[:20]:         0,
	} {
		w := NewWitness()
		w.Guard(key)
		_, _ = w.Write([]byte(text))
		if checked, leaked, _ := w.Verdict(); leaked != leaks || checked != 1 {
			t.Errorf("%.20s: %d found", text, leaked)
		}
	}
}
