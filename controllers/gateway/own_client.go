// SPDX-License-Identifier: Apache-2.0

package gateway

// Client is what an ApisixTls asks of clients (its spec.client).
type Client struct {
	// CANamespace and CAName are those of the Secret with the CA.
	CANamespace, CAName string
	Depth               int // zero: APISIX's default
	SkipMTLSURIRegex    []string
}

// ClientError says why what is asked of clients cannot be carried over. Its text is stable.
type ClientError struct{ Problem string }

func (e *ClientError) Error() string { return e.Problem }
