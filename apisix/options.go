// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	defaultTimeout   = 10 * time.Second
	defaultUserAgent = "apisix-certs"
	adminPath        = "/apisix/admin"
)

// Options configure a [Client]. Endpoints and AdminKey are required.
type Options struct {
	// Endpoints are base URLs of Admin APIs that share one etcd: "http://host:9180" or "http://host:9180/apisix/admin".
	// Duplicates are removed.
	Endpoints []string

	// AdminKey returns the key that is sent as X-API-KEY. It is called before each request.
	AdminKey KeySource

	// TLS is used for https endpoints. Nil means the system's roots and no client certificate.
	TLS *tls.Config

	// Timeout limits one attempt at one endpoint, including the reading of the body. Zero means 10 s.
	Timeout time.Duration

	// UserAgent is sent with each request. Empty means "apisix-certs".
	UserAgent string

	// Observe, if set, is called after each attempt, from the goroutine that makes the request.
	Observe func(Call)
}

// Call is the outcome of one attempt at one endpoint, for metrics. It never contains a body.
type Call struct {
	Method   string        // GET, PUT, PATCH, DELETE, HEAD
	Resource string        // "ssls" or "configs"
	Endpoint string        // host:port
	Status   int           // HTTP status; 0 without a complete response
	Duration time.Duration // from the request to the end of the response
	Err      error         // *APIError, *NetworkError, or nil
}

// withDefaults returns the options with defaults and normalised endpoints, and an error that joins all problems.
func (o Options) withDefaults() (Options, error) {
	endpoints, err := normaliseAll(o.Endpoints)
	problems := []error{err}
	o.Endpoints = endpoints
	if o.AdminKey == nil {
		problems = append(problems, errors.New("an admin key is required"))
	}
	if o.Timeout < 0 {
		problems = append(problems, fmt.Errorf("timeout %s is negative", o.Timeout))
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.UserAgent == "" {
		o.UserAgent = defaultUserAgent
	}
	return o, errors.Join(problems...)
}

// CheckEndpoint returns what is wrong with the base URL of an Admin API, or nil. The error omits the parts that may contain
// a password or a key.
func CheckEndpoint(url string) error {
	_, err := normalise(url)
	return err
}

// normaliseAll returns the endpoints without duplicates, and the problems of all of them.
func normaliseAll(raws []string) ([]string, error) {
	if len(raws) == 0 {
		return nil, errors.New("at least one Admin API endpoint is required")
	}
	var endpoints []string
	var problems []error
	for _, raw := range raws {
		endpoint, err := normalise(raw)
		problems = append(problems, err)
		if err == nil && !slices.Contains(endpoints, endpoint) {
			endpoints = append(endpoints, endpoint)
		}
	}
	return endpoints, errors.Join(problems...)
}

// normalise returns the URL with the Admin API's path and without a final slash. Its error omits the parts that may contain
// a password or a key.
func normalise(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return "", errors.New("endpoint is not a valid URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("endpoint %q must begin with http://HOST or https://HOST", withoutSecrets(u))
	}
	if u.User != nil {
		return "", fmt.Errorf("endpoint %q must not contain a user or password", withoutSecrets(u))
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", fmt.Errorf("endpoint %q must not contain a query or fragment", withoutSecrets(u))
	}
	path := strings.TrimRight(u.Path, "/")
	if path == "" {
		path = adminPath
	}
	return u.Scheme + "://" + u.Host + path, nil
}

// withoutSecrets reduces a URL to scheme, host and path. A URL without // may be anything, even a password.
func withoutSecrets(u *url.URL) string {
	if u.Host == "" {
		return u.Scheme + ":..."
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
