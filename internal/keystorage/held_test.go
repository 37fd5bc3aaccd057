// SPDX-License-Identifier: Apache-2.0

package keystorage

import "testing"

func TestHeldKeys(t *testing.T) {
	var held heldKeys
	held.put("u", "print", []byte("key"))
	if got := held.get("u"); got.fingerprint != "print" || got.pem.Reveal() != "key" || held.get("v") != (heldKey{}) {
		t.Errorf("%v %v", got, held.get("v"))
	}
	if held.drop("u", "older"); held.get("u") == (heldKey{}) {
		t.Error("the key of a later certificate is dropped")
	}
	if held.drop("u", "print"); held.get("u") != (heldKey{}) {
		t.Error("a dropped key is still held")
	}
}
