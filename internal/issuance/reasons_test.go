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
		if Unprovoked(reason) != is.inTime || MatchesSpec(reason) != is.asSpecified || StillValid(reason) != is.stillGood {
			t.Errorf("%s: %v %v %v", reason, Unprovoked(reason), MatchesSpec(reason), StillValid(reason))
		}
	}
}
