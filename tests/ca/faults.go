// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fault is one line of the script: from the nth request that it matches on, count of them (0: all).
type fault struct {
	Match struct {
		Kind    string `json:"kind"` // one, or several with commas
		Path    string `json:"path"` // regular expression
		Method  string `json:"method"`
		Account string `json:"account"`
		Name    string `json:"name"` // pattern: some name of the order
	} `json:"match"`
	Nth    int    `json:"nth"`
	Count  int    `json:"count"`
	Action string `json:"action"`

	RetryAfter     json.RawMessage `json:"retry_after,omitempty"` // seconds or any text; "" leaves it out
	RetryAfterDate *int            `json:"retry_after_date,omitempty"`
	Status         int             `json:"status,omitempty"`
	Type           string          `json:"type,omitempty"`
	Detail         string          `json:"detail,omitempty"`
	Body           *string         `json:"body,omitempty"`
	ContentType    string          `json:"content_type,omitempty"`
	DelayMS        int             `json:"delay_ms,omitempty"`
	Polls          int             `json:"polls,omitempty"`
	SkewSeconds    int             `json:"skew_seconds,omitempty"`

	Matched int `json:"matched"`
	Applied int `json:"applied"`
	path    *regexp.Regexp
}

// What each action does is in README.md.
var faultActions = []string{"badNonce", "unavailable", "error", "rateLimited", "answer", "resetBefore", "resetAfter", "closeBefore", "closeAfter",
	"delay", "delayAfter", "truncate", "cut", "slow", "goaway", "noNonce", "contentType", "retryAfter", "processing", "invalid", "skewDate"}

func (f *fault) prepare() error {
	known := false
	for _, action := range faultActions {
		known = known || f.Action == action
	}
	if !known {
		return fmt.Errorf("action %q is unknown; known are %s", f.Action, strings.Join(faultActions, ", "))
	}
	if f.Nth == 0 {
		f.Nth = 1
	}
	if f.Action == "answer" && f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	if f.Action == "contentType" && f.ContentType == "" {
		f.ContentType = "text/html"
	}
	var err error
	f.path, err = regexp.Compile(f.Match.Path)
	return err
}

func (f *fault) matches(c *call) bool {
	m := &f.Match
	return (m.Kind == "" || contains(strings.Split(m.Kind, ","), c.kind)) && f.path.MatchString(c.request.URL.RequestURI()) &&
		(m.Method == "" || m.Method == c.request.Method) && (m.Account == "" || m.Account == c.account) && (m.Name == "" || anyMatches(m.Name, c.names))
}

// faultsOf counts the request and gives the faults that it suffers, in the order of the script.
func faultsOf(script []*fault, c *call) []*fault {
	var due []*fault
	for _, f := range script {
		if !f.matches(c) {
			continue
		}
		f.Matched++
		if f.Matched >= f.Nth && (f.Count == 0 || f.Matched < f.Nth+f.Count) {
			f.Applied++
			due = append(due, f)
		}
	}
	return due
}

func contains(list []string, word string) bool {
	for _, entry := range list {
		if entry == word {
			return true
		}
	}
	return false
}

func anyMatches(pattern string, names []string) bool {
	for _, name := range names {
		if nameMatches(pattern, name) {
			return true
		}
	}
	return false
}

// nameMatches: a pattern as of file names, or the very name.
func nameMatches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok || pattern == name
}

// instead is the answer that takes the place of asking Pebble; nil if the fault is of another kind.
func (f *fault) instead(now time.Time) *answer {
	var a *answer
	switch f.Action {
	case "badNonce":
		a = problem(http.StatusBadRequest, "badNonce", "%s", f.detail("Unable to validate JWS :: JWS has an invalid anti-replay nonce"))
	case "unavailable":
		a = &answer{http.StatusServiceUnavailable, http.Header{"Content-Type": {"text/html"}},
			[]byte("<html><head><title>503 Service Temporarily Unavailable</title></head><body>Service busy; retry later.</body></html>\n")}
	case "error":
		a = problem(http.StatusInternalServerError, "serverInternal", "%s", f.detail("Internal error"))
	case "rateLimited":
		a = problem(http.StatusTooManyRequests, "rateLimited", "%s", f.detail("too many requests"))
	case "answer":
		kind := f.Type
		if kind == "" {
			kind = "serverInternal"
		}
		a = problem(f.Status, kind, "%s", f.detail("A fault of the script"))
		a.header.Del("Retry-After")
	default:
		return nil
	}
	if f.Body != nil {
		a.body = []byte(*f.Body)
	}
	if f.ContentType != "" {
		a.header.Set("Content-Type", f.ContentType)
	}
	f.setRetryAfter(a, now)
	return a
}

func (f *fault) detail(usual string) string {
	if f.Detail != "" {
		return f.Detail
	}
	return usual
}

func (f *fault) setRetryAfter(a *answer, now time.Time) {
	if f.RetryAfterDate != nil {
		a.header.Set("Retry-After", now.Add(time.Duration(*f.RetryAfterDate)*time.Second).UTC().Format(http.TimeFormat))
		return
	}
	if f.RetryAfter == nil {
		return
	}
	value := strings.Trim(string(f.RetryAfter), `"`)
	a.header.Del("Retry-After")
	if value != "" {
		a.header.Set("Retry-After", value)
	}
}

// spoil changes an answer on its way.
func (f *fault) spoil(a *answer, now time.Time) {
	switch f.Action {
	case "truncate":
		a.body = a.body[:len(a.body)/2]
	case "goaway":
		a.header.Set("Connection", "close") // HTTP/2: the server sends GOAWAY
	case "noNonce":
		a.header.Del("Replay-Nonce")
	case "contentType":
		a.header.Set("Content-Type", f.ContentType)
	case "retryAfter":
		f.setRetryAfter(a, now)
	case "skewDate":
		a.header.Set("Date", now.Add(time.Duration(f.SkewSeconds)*time.Second).UTC().Format(http.TimeFormat))
	}
}

// send writes an answer; slowly or only half of it, where the faults say so.
func send(w http.ResponseWriter, request *http.Request, a *answer, faults []*fault) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	if request.Method == http.MethodHead || a.status == http.StatusNoContent {
		w.Header().Del("Content-Length")
		w.WriteHeader(a.status)
		return
	}
	w.WriteHeader(a.status)
	for _, f := range faults {
		switch f.Action {
		case "slow":
			sendSlowly(w, a.body, time.Duration(f.DelayMS)*time.Millisecond)
			return
		case "cut":
			_, _ = w.Write(a.body[:len(a.body)/2])
			flush(w)
			panic(http.ErrAbortHandler)
		}
	}
	_, _ = bytes.NewReader(a.body).WriteTo(w)
}

func sendSlowly(w http.ResponseWriter, body []byte, pause time.Duration) {
	for i := range body {
		_, _ = w.Write(body[i : i+1])
		flush(w)
		time.Sleep(pause)
	}
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
