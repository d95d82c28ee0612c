// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

const errorPrefix = "urn:ietf:params:acme:error:"

// answer is what goes to the client.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func problem(status int, kind, format string, args ...any) *answer {
	a := jsonAnswer(status, map[string]any{"type": errorPrefix + kind, "detail": fmt.Sprintf(format, args...), "status": status})
	a.header.Set("Content-Type", "application/problem+json")
	if status == http.StatusInternalServerError {
		a.header.Set("Retry-After", "60")
	}
	return a
}

// limited is the refusal of a limit; one that would wait for less than half a second says nothing of time.
func limited(detail string, retryAfter int64) *answer {
	a := problem(http.StatusTooManyRequests, "rateLimited", "%s", detail)
	if retryAfter > 0 {
		a.header.Set("Retry-After", strconv.FormatInt(retryAfter, 10))
		a.header.Add("Link", "<"+limitsURL+`>;rel="help"`)
	}
	return a
}

func jsonAnswer(status int, value any) *answer {
	return &answer{status, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, encode(value)}
}

func encode(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		panic(err) // only of values made here
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

// object decodes a JSON object; nil if it is none. Numbers stay as they are written.
func object(body []byte) map[string]any {
	var value map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}

func text(object map[string]any, member string) string {
	value, _ := object[member].(string)
	return value
}
