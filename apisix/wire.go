// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"bytes"
	"encoding/json"
	"path"
	"strconv"
)

// body is sent by a PUT. It has no times, as APISIX responds with 400 to a PUT that has them.
type body struct {
	ID           string            `json:"id,omitempty"`
	SNI          string            `json:"sni,omitempty"`
	SNIs         []string          `json:"snis,omitempty"`
	Cert         string            `json:"cert,omitempty"`
	Key          string            `json:"key,omitempty"`
	Certs        []string          `json:"certs,omitempty"`
	Keys         []string          `json:"keys,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Status       *int              `json:"status,omitempty"`
	Type         string            `json:"type,omitempty"`
	Client       *clientBody       `json:"client,omitempty"`
	SSLProtocols *[]string         `json:"ssl_protocols,omitempty"`
	Desc         string            `json:"desc,omitempty"`
}

type clientBody struct {
	CA               string   `json:"ca"`
	Depth            *int     `json:"depth,omitempty"`
	SkipMTLSURIRegex []string `json:"skip_mtls_uri_regex,omitempty"`
}

// MarshalJSON returns the body of a PUT, with the keys.
func (s SSL) MarshalJSON() ([]byte, error) {
	b := body{
		ID: s.ID, SNI: s.SNI, SNIs: s.SNIs, Cert: s.Cert, Key: s.Key, Certs: s.Certs, Keys: s.Keys,
		Labels: s.Labels, Status: s.Status, Type: s.Type, Desc: s.Desc,
	}
	if s.Client != nil {
		b.Client = &clientBody{CA: s.Client.CA, Depth: s.Client.Depth, SkipMTLSURIRegex: s.Client.SkipMTLSURIRegex}
	}
	if s.SSLProtocols != nil {
		b.SSLProtocols = &s.SSLProtocols
	}
	return json.Marshal(b)
}

// MarshalJSON returns the body of a PATCH, with the key.
func (p SSLPatch) MarshalJSON() ([]byte, error) {
	return json.Marshal(body{Cert: p.Cert, Key: p.Key, SNIs: p.SNIs, Labels: p.Labels, Status: p.Status})
}

// node is an object as stored in etcd. GET returns one, a list several.
type node struct {
	Key           string          `json:"key"`
	Value         json.RawMessage `json:"value"`
	CreatedIndex  int64           `json:"createdIndex"`
	ModifiedIndex int64           `json:"modifiedIndex"`
}

// ssl reads the node's object. Its id is the last part of the etcd key, even if the object has no id or another one.
func (n node) ssl() (SSL, bool) {
	var s SSL
	if err := s.UnmarshalJSON(n.Value); err != nil || n.Key == "" {
		return SSL{}, false
	}
	s.ID = path.Base(n.Key)
	s.CreatedIndex, s.ModifiedIndex = n.CreatedIndex, n.ModifiedIndex
	return s, true
}

// UnmarshalJSON reads the value of an ssl object. A field of an unexpected type is left empty, as another client may have
// written the object, and APISIX encodes an empty list as {} and an empty map as []. It returns an error only if the value
// is not a JSON object.
func (s *SSL) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	*s = SSL{
		ID: text(fields["id"]), SNI: text(fields["sni"]), SNIs: read[[]string](fields["snis"]),
		Cert: text(fields["cert"]), Key: text(fields["key"]),
		Certs: read[[]string](fields["certs"]), Keys: read[[]string](fields["keys"]),
		Labels: read[map[string]string](fields["labels"]), Status: read[*int](fields["status"]),
		Type: text(fields["type"]), Client: client(fields["client"]),
		SSLProtocols: read[[]string](fields["ssl_protocols"]), Desc: text(fields["desc"]),
		CreateTime: read[int64](fields["create_time"]), UpdateTime: read[int64](fields["update_time"]),
	}
	return nil
}

func client(data json.RawMessage) *SSLClient {
	b := read[*clientBody](data)
	if b == nil {
		return nil
	}
	return &SSLClient{CA: b.CA, Depth: b.Depth, SkipMTLSURIRegex: b.SkipMTLSURIRegex}
}

// read returns the zero value for a missing value or one of another type.
func read[T any](data json.RawMessage) T {
	var value, zero T
	if len(data) == 0 || json.Unmarshal(data, &value) != nil {
		return zero
	}
	return value
}

// text reads a string, or the digits of a number: older versions accept numeric ids.
func text(data json.RawMessage) string {
	if number := read[json.Number](data); number != "" && !bytes.HasPrefix(data, []byte(`"`)) {
		if _, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
			return number.String()
		}
	}
	return read[string](data)
}
