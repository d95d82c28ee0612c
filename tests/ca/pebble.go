// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"time"
)

// pebble is the CA program behind the relay.
type pebble struct {
	url    *url.URL
	client *http.Client
}

// newPebble does not check Pebble's certificate: it is on the loopback, and what the client trusts is the relay's.
func newPebble(address *url.URL) *pebble {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 256, DisableCompression: true}
	return &pebble{address, &http.Client{Transport: transport, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// ask hands a request on with the Host that the client named, so that Pebble's URLs name the relay.
func (p *pebble) ask(request *http.Request, body []byte) (*answer, error) {
	target := *p.url
	target.Path, target.RawQuery = request.URL.Path, request.URL.RawQuery
	own, err := http.NewRequest(request.Method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	own.Host = request.Host
	own.Header = request.Header.Clone()
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Upgrade"} {
		own.Header.Del(name)
	}
	response, err := p.client.Do(own)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	a := &answer{status: response.StatusCode, header: response.Header}
	a.header.Del("Content-Length")
	a.header.Del("Connection")
	a.body, err = io.ReadAll(response.Body)
	return a, err
}

func (p *pebble) nonce(host string) (string, error) {
	request, err := http.NewRequest(http.MethodHead, "https://"+host+"/nonce-plz", nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("User-Agent", "relay")
	a, err := p.ask(request, nil)
	if err != nil {
		return "", err
	}
	return a.header.Get("Replay-Nonce"), nil
}
