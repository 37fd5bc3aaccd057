// SPDX-License-Identifier: Apache-2.0

package apisixtest

import "apisix-certs.io/apisix-certs/apisix"

// SSLs returns the stored ssl objects with their keys in plain text, ordered by id. It returns none in standalone mode; see
// [Server.Configured].
func (s *Server) SSLs() []apisix.SSL {
	var ssls []apisix.SSL
	for _, o := range s.store.list("ssls", "", nil) {
		ssl := s.clear(o.value)
		ssl.CreatedIndex, ssl.ModifiedIndex = o.created, o.modified
		ssls = append(ssls, ssl)
	}
	return ssls
}

// Configured returns the ssl objects of the configuration in standalone mode, in its order, with their keys in plain text.
func (s *Server) Configured() []apisix.SSL {
	s.configs.mu.Lock()
	defer s.configs.mu.Unlock()
	var ssls []apisix.SSL
	for _, item := range s.configs.lists["ssls"] {
		object, _ := table(item)
		ssls = append(ssls, s.clear(object))
	}
	return ssls
}

func (s *Server) clear(value map[string]any) apisix.SSL {
	var ssl apisix.SSL
	_ = ssl.UnmarshalJSON(marshal(value)) // it is an object, and other faults leave fields empty
	ssl.Key = s.decrypted(ssl.Key)
	for i, key := range ssl.Keys {
		ssl.Keys[i] = s.decrypted(key)
	}
	return ssl
}

// decrypted returns references, and keys that cannot be decrypted, unchanged.
func (s *Server) decrypted(key string) string {
	if plain, fault := s.keyring().open(key); fault == "" {
		return plain
	}
	return key
}

// Wipe removes all objects of all resources, as if etcd were replaced by an empty one. Connections stay open.
func (s *Server) Wipe() {
	s.configs.wipe()
	s.secrets.forget()
	s.store.wipe(func() { s.served.replace(nil) })
}

func (s *Server) keyring() keyring { return *s.keys.Load() }
