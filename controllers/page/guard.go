// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Loopback reports whether address, HOST:PORT, is only reachable from this machine (or Pod). It returns an error if address is
// not of this form.
func Loopback(address string) (bool, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return false, fmt.Errorf("%q is not of the form HOST:PORT, such as 127.0.0.1:8089", address)
	}
	return localName(host), nil
}

// localOnly rejects requests with a Host name that is not this machine's, to prevent DNS rebinding: a malicious page, loaded from
// a name that now resolves to 127.0.0.1, could otherwise read this one.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !localName(host) {
			http.Error(w, "this page is only served on localhost: open http://localhost:PORT/", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func localName(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
