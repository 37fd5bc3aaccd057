// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"testing"

	"apisix-certs.io/apisix-certs/certs"
)

func TestReasons(t *testing.T) {
	for reason, is := range map[certs.Reason]struct{ inTime, asSpecified, stillGood bool }{
		certs.RenewalDue:       {true, true, true},
		certs.Expired:          {true, false, false},
		certs.RenewalRequested: {false, true, true},
		KeyMoved:               {false, true, true},
		KeyLost:                {false, false, true},
		SecretReverted:         {false, false, false},
		certs.Revoked:          {false, false, false},
	} {
		if InTime(reason) != is.inTime || AsSpecified(reason) != is.asSpecified || StillGood(reason) != is.stillGood {
			t.Errorf("%s: %v %v %v", reason, InTime(reason), AsSpecified(reason), StillGood(reason))
		}
	}
}
