// SPDX-License-Identifier: Apache-2.0

// Package discover stands in for go-discover, with which Vault's raft storage looks for its peers in clouds. The
// servers of the tests have no raft storage; the stand-in keeps a dozen cloud SDKs out of their build.
package discover

import (
	"errors"
	"log"
)

var errNoDiscovery = errors.New("discovery of peers is not built into this test server")

// Provider finds addresses in one cloud.
type Provider interface {
	Addrs(args map[string]string, l *log.Logger) ([]string, error)
	Help() string
}

// Providers is empty: no cloud is built in.
var Providers map[string]Provider

// Discover finds nothing.
type Discover struct{}

// Option configures New, without effect.
type Option func(*Discover) error

// New returns a Discover that finds nothing.
func New(...Option) (*Discover, error) { return &Discover{}, nil }

// WithProviders takes providers and drops them.
func WithProviders(map[string]Provider) Option {
	return func(*Discover) error { return nil }
}

// Addrs always fails.
func (*Discover) Addrs(string, *log.Logger) ([]string, error) {
	return nil, errNoDiscovery
}

// Config is the setting auto_join of a raft storage.
type Config map[string]string

// String is empty.
func (Config) String() string { return "" }

// Parse always fails.
func Parse(string) (Config, error) { return nil, errNoDiscovery }
