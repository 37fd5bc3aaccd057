// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Loopback tells whether address, HOST:PORT, is reached from this machine (or Pod) alone. It returns an error where address
// is no HOST:PORT.
func Loopback(address string) (bool, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return false, fmt.Errorf("%q is not of the form HOST:PORT, such as 127.0.0.1:8089", address)
	}
	return localName(host), nil
}

// localOnly refuses requests under a name that is not this machine's: a page of somebody else that a browser loaded from
// such a name, which now resolves to 127.0.0.1, would otherwise read this one (DNS rebinding).
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !localName(host) {
			http.Error(w, "this page is served on localhost alone: open it as http://localhost:PORT/", http.StatusMisdirectedRequest)
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
