// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"time"

	"apisix-certs.io/apisix-certs/internal/finding"
)

// Verdict is what to do about a certificate that is due. The zero value: ask for it.
type Verdict struct {
	// Blocked says why it is not asked for.
	Blocked *finding.Finding
	// Pending says what a certificate waits for that is on its way.
	Pending *finding.Finding
	// Until is when Blocked or Pending may be over by itself; zero: not known.
	Until time.Time
	// Uncounted: Issue takes what is there already, and asks nobody. The backoff of failures does not apply.
	Uncounted bool
}

// attempt asks whether an answer to a request, in PEM, could be stored.
type attempt = func(ctx context.Context, csr []byte) error
