// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"time"

	"apisix-certs.io/apisix-certs/internal/finding"
)

// Verdict is what to do about a certificate that is due. The zero value means: request it.
type Verdict struct {
	// Blocked says why it is not requested.
	Blocked *finding.Finding
	// Pending says what a pending request is waiting for.
	Pending *finding.Finding
	// Until is when Blocked or Pending may end without a change. Zero means not known.
	Until time.Time
	// Uncounted means that Issue uses an existing response and calls no issuer. The backoff after failures does not apply.
	Uncounted bool
}

// attempt reports whether the certificate for a CSR (PEM) could be stored.
type attempt = func(ctx context.Context, csr []byte) error
