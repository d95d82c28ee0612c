// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// connection of a client.
type connection struct {
	net     net.Conn
	streams int
}

type connectionKey struct{}

func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{net: c})
}

func connectionOf(request *http.Request) *connection {
	c, _ := request.Context().Value(connectionKey{}).(*connection)
	if c == nil {
		c = &connection{}
	}
	return c
}

// close ends the TLS connection with everything on it.
func (c *call) close() {
	if c.connection.net != nil {
		_ = c.connection.net.Close()
	}
}

// reset ends the request: with HTTP/2 its stream, which the caller aborts, with HTTP/1.1 the connection, by RST.
func (c *call) reset() {
	if c.request.ProtoMajor >= 2 {
		return
	}
	if secure, ok := c.connection.net.(*tls.Conn); ok {
		if plain, ok := secure.NetConn().(*net.TCPConn); ok {
			_ = plain.SetLinger(0)
			_ = plain.Close()
		}
	}
}

type accountStats struct {
	Orders map[string]int `json:"orders"` // allowed, by new, renewal, ari
	Reused int            `json:"reused"`
	Denied map[string]int `json:"denied"`
	Issued map[string]int `json:"issued"` // by new, renewal
	Failed int            `json:"failed"`
}

type connectionStats struct {
	Accepted   int            `json:"accepted"`
	Open       int            `json:"open"`
	Most       int            `json:"most"` // open at once
	Handshakes int            `json:"handshakes"`
	Resumed    int            `json:"resumed"`
	Protocols  map[string]int `json:"protocols"`
}

// stats is what has happened since the last reset.
type stats struct {
	mu              sync.Mutex
	Requests        map[string]int           `json:"requests"`
	Total           int                      `json:"total"`
	Statuses        map[string]int           `json:"statuses"`
	Faults          int                      `json:"faults"`
	Denied          map[string]int           `json:"denied"`
	DeniedTotal     int                      `json:"denied_total"`
	ReplacesRefused int                      `json:"replaces_refused"`
	FrontDenied     int                      `json:"front_denied"`
	NewAccounts     int                      `json:"new_accounts"`
	Valid           int                      `json:"valid"`
	Accounts        map[string]*accountStats `json:"accounts"`
	Connections     connectionStats          `json:"connections"`
	Streams         int                      `json:"streams"` // at most at once on one connection
	Parallel        int                      `json:"parallel"`
	Depth           int                      `json:"depth"` // longest chain of requests of which each began after the end of the one before

	running, ended int
}

func newStats() *stats {
	s := &stats{}
	s.clear()
	return s
}

func (s *stats) clear() {
	s.Requests, s.Statuses, s.Denied, s.Accounts = map[string]int{}, map[string]int{}, map[string]int{}, map[string]*accountStats{}
	s.Total, s.Faults, s.DeniedTotal, s.ReplacesRefused, s.FrontDenied, s.NewAccounts, s.Valid = 0, 0, 0, 0, 0, 0, 0
	s.Streams, s.Parallel, s.Depth, s.ended = 0, 0, 0, 0
	s.Connections = connectionStats{Open: s.Connections.Open, Most: s.Connections.Open, Protocols: map[string]int{}}
}

func (s *stats) begin(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Total++
	s.Requests[c.kind]++
	c.depth = s.ended + 1
	s.running++
	c.connection.streams++
	s.Parallel = larger(s.Parallel, s.running)
	s.Streams = larger(s.Streams, c.connection.streams)
}

// end: status 0 is a request without an answer.
func (s *stats) end(c *call, status int, suffered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	c.connection.streams--
	s.Statuses[strconv.Itoa(status)]++
	if suffered {
		s.Faults++
	}
	s.ended = larger(s.ended, c.depth)
	s.Depth = larger(s.Depth, c.depth)
}

func larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// account is called with the relay's lock held, as are those below.
func (s *stats) account(id string) *accountStats {
	a := s.Accounts[id]
	if a == nil {
		a = &accountStats{map[string]int{}, 0, map[string]int{}, map[string]int{}, 0}
		s.Accounts[id] = a
	}
	return a
}

func (s *stats) ordered(account, as string) { s.account(account).Orders[as]++ }

func (s *stats) reused(account, as string) {
	s.account(account).Orders[as]++
	s.account(account).Reused++
}

func (s *stats) denied(account, limit string) {
	s.account(account).Denied[limit]++
	s.Denied[limit]++
	s.DeniedTotal++
}

func (s *stats) issued(account, as string) { s.account(account).Issued[as]++ }

func (s *stats) failed(account string) { s.account(account).Failed++ }

func (s *stats) handshake(state tls.ConnectionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Connections.Handshakes++
	if state.DidResume {
		s.Connections.Resumed++
	}
	protocol := state.NegotiatedProtocol
	if protocol == "" {
		protocol = "none"
	}
	s.Connections.Protocols[protocol]++
}

func (s *stats) connectionState(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.Connections.Accepted++
		s.Connections.Open++
		s.Connections.Most = larger(s.Connections.Most, s.Connections.Open)
	case http.StateClosed, http.StateHijacked:
		s.Connections.Open--
	}
}
