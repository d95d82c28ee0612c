// SPDX-License-Identifier: MIT

// A certificate authority for tests: a TLS relay in front of Pebble that counts and limits as Let's Encrypt does, has a clock of its own and
// misbehaves on demand. README.md describes it.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:14100", "`address` for clients")
	management := flag.String("management", "127.0.0.1:15100", "`address` for tests")
	behind := flag.String("pebble", "https://127.0.0.1:14000", "`URL` of Pebble")
	certificate := flag.String("cert", "", "PEM `file` with the relay's certificate")
	key := flag.String("key", "", "PEM `file` with its key")
	psl := flag.String("psl", "", "public suffix list (default: the system's; without one each top-level domain is a suffix)")
	configuration := flag.String("config", "", "JSON `file` with clock, limits, settings, faults, failing")
	trace := flag.Bool("trace", false, "no relay: only its ledger, operations on stdin, answers on stdout")
	flag.Parse()

	list, err := readSuffixes(*psl)
	if err != nil && *psl != "" {
		fatal(err)
	}
	if *trace {
		if err := runTrace(os.Stdin, os.Stdout, list); err != nil {
			fatal(err)
		}
		return
	}
	target, err := url.Parse(*behind)
	if err != nil {
		fatal(err)
	}
	own, err := newAuthority()
	if err != nil {
		fatal(err)
	}
	r := newRelay(newPebble(target), own, list)
	m := manager{r}
	if *configuration != "" {
		if err := m.configure(*configuration); err != nil {
			fatal(fmt.Errorf("%s: %w", *configuration, err))
		}
	}
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		fatal(err)
	}
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if err := serve(m, *listen, *management, pair); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "relay:", err)
	os.Exit(1)
}

// configure hands each member of the file to what the management interface calls by that name.
func (m manager) configure(path string) error {
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(file, &parts); err != nil {
		return err
	}
	setters := map[string]func(*http.Request) (any, error){
		"clock": m.setClock, "limits": m.setLimits, "settings": m.setSettings, "faults": m.setFaults, "failing": m.setFailing,
	}
	for name, part := range parts {
		set := setters[name]
		if set == nil {
			return fmt.Errorf("%q is unknown", name)
		}
		if _, err := set(&http.Request{Body: io.NopCloser(bytes.NewReader(part))}); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// serve opens both doors and stays.
func serve(m manager, listen, management string, pair tls.Certificate) error {
	clients, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	tests, err := net.Listen("tcp", management)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- (&http.Server{Handler: m.handler(), ReadHeaderTimeout: time.Minute}).Serve(tests) }()
	go func() { failed <- m.server(pair).ServeTLS(clients, "", "") }()
	log.Printf("clients %s, tests %s", clients.Addr(), tests.Addr())
	return <-failed
}

// server speaks HTTP/2 and HTTP/1.1, or with the setting http1 only the latter.
func (r *relay) server(pair tls.Certificate) *http.Server {
	only := func(protocols ...string) *tls.Config {
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: protocols,
			VerifyConnection: func(state tls.ConnectionState) error { r.stats.handshake(state); return nil }}
	}
	both, old := only("h2", "http/1.1"), only("http/1.1")
	chosen := both.Clone()
	chosen.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.settings.HTTP1 {
			return old, nil
		}
		return both, nil
	}
	return &http.Server{Handler: r, TLSConfig: chosen, ReadHeaderTimeout: time.Minute, ConnContext: withConnection, ConnState: r.stats.connectionState}
}
