// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

const (
	typeJSON = "application/json"
	typeHTML = "text/html; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
)

// reply is a response of the Admin API before it is written.
type reply struct {
	status      int
	contentType string
	body        []byte
	header      http.Header
}

func (r reply) with(name, value string) reply {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

// versioned adds the header that APISIX sends once it has read a request, except with an nginx page.
func (r reply) versioned() reply {
	if r.contentType == typeHTML {
		return r
	}
	return r.with("X-Api-Version", "v3")
}

func (r reply) write(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	if r.contentType != "" {
		w.Header().Set("Content-Type", r.contentType)
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)
}

func jsonReply(status int, value any) reply {
	return reply{status: status, contentType: typeJSON, body: marshal(value)}
}

func emptyReply(status int) reply { return reply{status: status, contentType: typeJSON} }

// refused is an error response of the Admin API.
func refused(status int, format string, args ...any) reply {
	return jsonReply(status, map[string]string{"error_msg": fmt.Sprintf(format, args...)})
}

func keyNotFound() reply {
	return jsonReply(http.StatusNotFound, map[string]string{"message": "Key not found"})
}

// page is nginx's response where no Lua code has sent one.
func page(status int) reply {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if status == http.StatusMethodNotAllowed {
		title = "405 Not Allowed"
	}
	return reply{status: status, contentType: typeHTML, body: fmt.Appendf(nil,
		"<html>\r\n<head><title>%[1]s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n"+
			"<hr><center>openresty</center>\r\n"+
			"<p><em>Powered by <a href=\"https://apisix.apache.org/\">APISIX</a>.</em></p></body>\r\n</html>\r\n", title)}
}

// conditional does what nginx's header filter does after the handler has written: a success becomes 412 or 304. There is no
// Last-Modified and no ETag to compare with.
func conditional(r *http.Request, response reply) reply {
	if response.status != http.StatusOK {
		return response
	}
	if r.Header.Get("If-Unmodified-Since") != "" {
		return page(http.StatusPreconditionFailed)
	}
	if match := r.Header.Get("If-Match"); match != "" && match != "*" {
		return page(http.StatusPreconditionFailed)
	}
	if r.Header.Get("If-None-Match") == "*" && r.Header.Get("If-Modified-Since") == "" {
		return reply{status: http.StatusNotModified, header: response.header}
	}
	return response
}

// marshal does not escape < > &.
func marshal(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // only values made here and decoded JSON are passed
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}
