// SPDX-License-Identifier: MIT

package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
)

// jws is a request as it was signed. It is only read: the signature is Pebble's to check.
type jws struct {
	protected struct {
		KeyID string          `json:"kid"`
		Key   json.RawMessage `json:"jwk"`
		Nonce string          `json:"nonce"`
	}
	payload []byte
}

func parseJWS(body []byte) (*jws, error) {
	var outer struct{ Protected, Payload string }
	if err := json.Unmarshal(body, &outer); err != nil {
		return nil, err
	}
	header, err := base64.RawURLEncoding.DecodeString(outer.Protected)
	if err != nil {
		return nil, err
	}
	j := &jws{}
	if err := json.Unmarshal(header, &j.protected); err != nil {
		return nil, err
	}
	j.payload, err = base64.RawURLEncoding.DecodeString(outer.Payload)
	return j, err
}

// account is the last part of the account's URL, "" for a request signed by a key alone.
func (j *jws) account() string { return lastPart(j.protected.KeyID) }

// thumbprint of a public key (RFC 7638).
func thumbprint(key json.RawMessage) (string, error) {
	var k map[string]any
	if err := json.Unmarshal(key, &k); err != nil {
		return "", err
	}
	needed := map[string]string{}
	for _, member := range []string{"crv", "e", "k", "kty", "n", "x", "y"} {
		if value, ok := k[member].(string); ok {
			needed[member] = value
		}
	}
	if needed["kty"] == "" {
		return "", errors.New("no key")
	}
	text, err := json.Marshal(needed) // maps are marshalled in the order of their keys
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:]), err
}
