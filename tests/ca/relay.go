// SPDX-License-Identifier: MIT

package main

import (
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync"
	"time"
)

// settings are what the management interface can switch; README.md says what each does.
type settings struct {
	Front         bool               `json:"front"`
	HTTP1         bool               `json:"http1"`
	Jitter        bool               `json:"jitter"`
	Seed          int64              `json:"seed"`
	Reuse         bool               `json:"reuse"`
	Redate        bool               `json:"redate"`
	Backdate      float64            `json:"backdate"`
	ClientIP      string             `json:"client_ip"`
	Lifetime      map[string]float64 `json:"lifetime"`
	OrderLifetime map[string]float64 `json:"order_lifetime"`
	MaxNames      map[string]int     `json:"max_names"`
}

func usualSettings() settings {
	return settings{
		Jitter: true, Seed: 1, Reuse: true, Redate: true, Backdate: 3510,
		Lifetime:      map[string]float64{},
		OrderLifetime: map[string]float64{"": 7 * 86400, "tlsserver": 8 * 3600, "shortlived": 8 * 3600},
		MaxNames:      map[string]int{"": 100, "tlsserver": 25, "shortlived": 25},
	}
}

// relay stands in front of Pebble and is the CA in everything that concerns counting and time.
type relay struct {
	pebble    *pebble
	authority *authority
	clock     clock
	stats     *stats
	front     front

	mu                  sync.Mutex // of everything below
	settings            settings
	random              *rand.Rand
	ledger              *ledger
	script              []*fault
	failing             []*failing
	orders              map[string]*order
	ordersBySet         map[string][]*order
	ordersByCertificate map[string]*order
	authzs              map[string]*authz
	challenges          map[string]*authz
	certificates        map[string]*certificate // by the id that renewal information is asked by
	keys                map[string]bool         // thumbprints of accounts
	usedNonces          map[string]bool         // in requests that Pebble never saw
}

func newRelay(p *pebble, own *authority, s *suffixes) *relay {
	r := &relay{pebble: p, authority: own, stats: newStats(), settings: usualSettings(), ledger: newLedger(productionLimits(), s),
		orders: map[string]*order{}, ordersBySet: map[string][]*order{}, ordersByCertificate: map[string]*order{}, authzs: map[string]*authz{},
		challenges: map[string]*authz{}, certificates: map[string]*certificate{}, keys: map[string]bool{}, usedNonces: map[string]bool{}}
	r.random = rand.New(rand.NewSource(r.settings.Seed))
	return r
}

// call is one request of the client.
type call struct {
	request    *http.Request
	connection *connection
	body       []byte
	jws        *jws
	kind, id   string
	account    string
	names      []string
	payload    map[string]any
	faults     []*fault
	depth      int
	began      time.Time
	note       string // for the log

	order    *order    // what it is about
	newOrder *newOrder // what is to be created
	address  *netip.Addr
}

// Where Pebble has its resources, old and new alike.
var kinds = []struct{ prefix, kind string }{
	{"/dir", "directory"}, {"/nonce-plz", "newNonce"}, {"/sign-me-up", "newAccount"}, {"/my-account/", "account"}, {"/order-plz", "newOrder"},
	{"/my-order/", "order"}, {"/finalize-order/", "finalize"}, {"/authZ/", "authz"}, {"/chalZ/", "challenge"}, {"/certZ/", "certificate"},
	{"/revoke-cert", "revoke"}, {"/rollover-account-key", "keyChange"}, {"/list-orderz/", "orders"}, {renewalPath, "renewalInfo"}, {unpausePath, "unpause"},
}

const (
	renewalPath = "/draft-ietf-acme-ari-03/renewalInfo"
	unpausePath = "/sfe/v1/unpause"
)

func kindOf(path string) (kind, id string) {
	for _, k := range kinds {
		if strings.HasPrefix(path, k.prefix) {
			id, _, _ := strings.Cut(strings.TrimPrefix(path[len(k.prefix):], "/"), "/")
			return k.kind, id
		}
	}
	return "other", ""
}

func lastPart(url string) string {
	if url == "" {
		return ""
	}
	return path.Base(url)
}

const bodyMax = 1 << 20

func (r *relay) newCall(request *http.Request) (*call, error) {
	c := &call{request: request, began: time.Now(), connection: connectionOf(request)}
	c.kind, c.id = kindOf(request.URL.Path)
	var err error
	if c.body, err = io.ReadAll(io.LimitReader(request.Body, bodyMax)); err != nil {
		return nil, err
	}
	if request.Method == http.MethodPost {
		if c.jws, err = parseJWS(c.body); err != nil {
			c.jws = nil // Pebble will say what is wrong with it
		} else {
			c.account, c.payload = c.jws.account(), object(c.jws.payload)
		}
	}
	return c, nil
}

// identify finds what the request is about. Under the lock.
func (r *relay) identify(c *call) {
	switch c.kind {
	case "order", "finalize":
		c.order = r.orders[c.id]
	case "certificate":
		c.order = r.ordersByCertificate[c.id]
	case "authz", "challenge":
		if a := r.authzOf(c); a != nil && a.name != "" {
			c.names = []string{a.name}
		}
	case "newOrder":
		if c.newOrder = readNewOrder(c); c.newOrder != nil {
			c.names = c.newOrder.set
		}
	}
	if c.order != nil {
		c.names = c.order.set
	}
}

func (r *relay) authzOf(c *call) *authz {
	if c.kind == "challenge" {
		return r.challenges[c.id]
	}
	return r.authzs[c.id]
}

func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	c, err := r.newCall(request)
	if err != nil {
		return
	}
	r.stats.begin(c)
	r.mu.Lock()
	r.identify(c)
	c.faults = faultsOf(r.script, c)
	r.mu.Unlock()
	status := 0
	defer func() {
		r.stats.end(c, status, len(c.faults) > 0)
		log.Printf("%s %s %s %d %s", request.Method, request.URL.RequestURI(), c.kind, status, c.note)
	}()

	r.suffer(c, map[string]func(){"delay": nil, "resetBefore": c.reset, "closeBefore": c.close})
	a := r.scripted(c)
	if a == nil {
		a = r.answer(c)
	}
	a.header.Set("Date", r.clock.now().UTC().Format(http.TimeFormat))
	r.suffer(c, map[string]func(){"delayAfter": nil, "resetAfter": c.reset, "closeAfter": c.close})
	for _, f := range c.faults {
		f.spoil(a, r.clock.now())
	}
	status = a.status
	send(w, request, a, c.faults)
}

// suffer waits, or ends the request, where the script says so at this point.
func (r *relay) suffer(c *call, points map[string]func()) {
	for _, f := range c.faults {
		if end, ok := points[f.Action]; ok {
			c.note += " " + f.Action
			time.Sleep(time.Duration(f.DelayMS) * time.Millisecond)
			if end != nil {
				end()
				panic(http.ErrAbortHandler)
			}
		}
	}
}

// scripted is the answer that a fault gives in place of the CA; the request is as if it had never reached it.
func (r *relay) scripted(c *call) *answer {
	for _, f := range c.faults {
		if a := f.instead(r.clock.now()); a != nil {
			c.note += " " + f.Action
			if f.Action != "unavailable" {
				r.complete(c, a)
			}
			return a
		}
	}
	return nil
}

// answer is the CA's: the relay's own where Pebble would not have said it, else Pebble's, adapted.
func (r *relay) answer(c *call) *answer {
	r.mu.Lock()
	a := r.own(c)
	r.mu.Unlock()
	if a != nil {
		r.complete(c, a)
		return a
	}

	a, err := r.pebble.ask(c.request, c.body)
	if err != nil {
		a = problem(http.StatusBadGateway, "serverInternal", "Pebble does not answer: %s", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observe(c, a)
	r.adapt(c, a)
	return a
}

// own is the answer that does not need Pebble. Under the lock.
func (r *relay) own(c *call) *answer {
	if r.settings.Front {
		if a := r.front.refuse(c.kind, time.Now()); a != nil {
			r.stats.FrontDenied++
			c.note += " front"
			return a
		}
	}
	if c.jws != nil && r.usedNonces[c.jws.protected.Nonce] {
		return problem(http.StatusBadRequest, "badNonce", "Unable to validate JWS :: JWS has an invalid anti-replay nonce: %q", c.jws.protected.Nonce)
	}
	var a *answer
	switch c.kind {
	case "newAccount":
		a = r.admitAccount(c)
	case "newOrder":
		a = r.admitOrder(c)
	case "order", "finalize":
		a = r.admitPoll(c)
	case "revoke":
		a = r.admitRevocation(c)
	case "renewalInfo":
		a = r.renewalInfo(c)
	case "unpause":
		a = r.unpausePage(c)
	}
	if a != nil && c.jws != nil {
		r.usedNonces[c.jws.protected.Nonce] = true
	}
	return a
}

// complete gives an own answer what every answer of the CA has.
func (r *relay) complete(c *call, a *answer) {
	if c.request.Method != http.MethodPost || a.status == http.StatusServiceUnavailable || c.kind == "unpause" {
		return
	}
	a.header.Add("Link", "<https://"+c.request.Host+`/dir>;rel="index"`)
	a.header.Set("Cache-Control", "public, max-age=0, no-cache")
	if nonce, err := r.pebble.nonce(c.request.Host); err == nil {
		a.header.Set("Replay-Nonce", nonce)
	}
}
