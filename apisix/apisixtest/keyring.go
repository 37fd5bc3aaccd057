// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"strings"
)

// keyring is APISIX's data_encryption keyring: the first key encrypts, and each may decrypt. Keys have 16 or 32 bytes.
type keyring []string

// defaultKeyring is the public default of APISIX's configuration.
var defaultKeyring = keyring{"qeddd145sfvddff3", "edd1c9f0985e76a2"}

const faultDecrypt = "failed to decrypt previous encrypted key"

func isPlain(key string) bool { return strings.HasPrefix(key, "---") }

// encrypt returns base64 of AES-CBC, with the beginning of the key as the initialisation vector.
func (k keyring) encrypt(text string) string {
	cipherBlock, err := aes.NewCipher([]byte(k[0]))
	if err != nil {
		panic(err)
	}
	padding := aes.BlockSize - len(text)%aes.BlockSize
	data := append([]byte(text), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(cipherBlock, []byte(k[0])[:aes.BlockSize]).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data)
}

// decrypt returns false if no key of the keyring can decrypt the text.
func (k keyring) decrypt(text string) (string, bool) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return "", false
	}
	for _, key := range k {
		cipherBlock, err := aes.NewCipher([]byte(key))
		if err != nil {
			continue
		}
		plain := make([]byte, len(data))
		cipher.NewCBCDecrypter(cipherBlock, []byte(key)[:aes.BlockSize]).CryptBlocks(plain, data)
		if padding := int(plain[len(plain)-1]); padding >= 1 && padding <= aes.BlockSize &&
			bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(padding)}, padding)) {
			return string(plain[:len(plain)-padding]), true
		}
	}
	return "", false
}

// open returns the plain key, whether given as such or encrypted.
func (k keyring) open(key string) (plain, fault string) {
	if isPlain(key) {
		return key, ""
	}
	if plain, ok := k.decrypt(key); ok {
		return plain, ""
	}
	return "", faultDecrypt
}
