// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakePebble knows as much of Pebble as the relay touches. It believes every signature, and every validation succeeds at once.
type fakePebble struct {
	mu       sync.Mutex
	count    int
	accounts map[string]string
	orders   map[string]*fakeOrder
	polled   bool // after finalize the first poll still says "processing"
	refuse   int  // status for the next newOrder
	requests []string
}

type fakeOrder struct {
	id, status string
	names      []string
	valid      map[string]bool
	pem        []byte
}

func (p *fakePebble) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	p.requests = append(p.requests, request.Method+" "+request.URL.Path)
	base := "https://" + request.Host
	w.Header().Set("Replay-Nonce", fmt.Sprint("nonce", p.count))
	body, _ := io.ReadAll(request.Body)
	var payload map[string]any
	if j, err := parseJWS(body); err == nil {
		payload = object(j.payload)
	}
	kind, id := kindOf(request.URL.Path)
	say := func(status int, value any) { w.WriteHeader(status); _, _ = w.Write(encode(value)) }
	name := ""
	if order, after, ok := strings.Cut(id, "-"); ok {
		id, name = order, after
	}
	o := p.orders[id]
	switch kind {
	case "directory":
		say(200, map[string]any{"newNonce": base + "/nonce-plz"})
	case "newAccount":
		j, _ := parseJWS(body)
		print, _ := thumbprint(j.protected.Key)
		status := 200
		if p.accounts[print] == "" {
			status, p.accounts[print] = 201, fmt.Sprint(len(p.accounts)+1)
		}
		w.Header().Set("Location", base+"/my-account/"+p.accounts[print])
		say(status, map[string]string{"status": "valid"})
	case "newOrder":
		if p.refuse != 0 {
			say(p.refuse, map[string]string{"type": errorPrefix + "rejectedIdentifier"})
			p.refuse = 0
			return
		}
		o = &fakeOrder{id: fmt.Sprint("o", len(p.orders)), status: "pending", valid: map[string]bool{}}
		for _, entry := range payload["identifiers"].([]any) {
			o.names = append(o.names, text(entry.(map[string]any), "value"))
		}
		p.orders[o.id] = o
		w.Header().Set("Location", base+"/my-order/"+o.id)
		say(201, o.show(base))
	case "order":
		if o.status == "processing" {
			o.status = "valid"
		}
		say(200, o.show(base))
	case "finalize":
		o.status, o.pem = "processing", makeLeaf(o.names)
		say(200, o.show(base))
	case "authz":
		if payload != nil {
			say(200, o.showAuthz(base, name, "deactivated"))
			return
		}
		say(200, o.showAuthz(base, name, ""))
	case "challenge":
		o.valid[name] = true
		if len(o.valid) == len(o.names) {
			o.status = "ready"
		}
		say(200, map[string]string{"url": base + "/chalZ/" + o.id + "-" + name, "status": "processing"})
	case "certificate":
		_, _ = w.Write(p.orders[strings.TrimPrefix(id, "c")].pem)
	default:
		say(200, map[string]string{})
	}
}

func (o *fakeOrder) show(base string) map[string]any {
	var urls []string
	for _, name := range o.names {
		urls = append(urls, base+"/authZ/"+o.id+"-"+strings.TrimPrefix(name, "*."))
	}
	shown := map[string]any{"status": o.status, "expires": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339), "authorizations": urls,
		"finalize": base + "/finalize-order/" + o.id}
	if o.status == "valid" {
		shown["certificate"] = base + "/certZ/c" + o.id + "-x"
	}
	return shown
}

func (o *fakeOrder) showAuthz(base, name, status string) map[string]any {
	if status == "" {
		status = "pending"
		if o.valid[name] {
			status = "valid"
		}
	}
	challenge := map[string]any{"type": "http-01", "url": base + "/chalZ/" + o.id + "-" + name, "status": status, "token": "t"}
	other := map[string]any{"type": "dns-01", "url": base + "/chalZ/" + o.id + "-" + name + "-dns", "status": "pending", "token": "t"}
	return map[string]any{"status": status, "identifier": map[string]string{"type": "dns", "value": name}, "challenges": []any{other, challenge},
		"expires": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
}

var testKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)

func makeLeaf(names []string) []byte {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{SerialNumber: serial, DNSNames: names, NotBefore: time.Now(), NotAfter: time.Now().Add(90*24*time.Hour - time.Second),
		AuthorityKeyId: []byte{1, 2, 3}, SubjectKeyId: []byte{1, 2, 3}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, testKey.Public(), testKey)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// rig is a relay with its Pebble, its management and a client.
type rig struct {
	*testing.T
	pebble  *fakePebble
	relay   *relay
	clients *httptest.Server
	tests   *httptest.Server
	client  *http.Client
	account string
}

func newRig(t *testing.T) *rig {
	log.SetOutput(io.Discard)
	fake := &fakePebble{orders: map[string]*fakeOrder{}, accounts: map[string]string{}}
	behind := httptest.NewTLSServer(fake)
	target, _ := url.Parse(behind.URL)
	own, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(newPebble(target), own, parseSuffixes(strings.NewReader("")))
	r.settings.Jitter = false
	clients := httptest.NewUnstartedServer(r)
	pair := tls.Certificate{Certificate: [][]byte{der(makeLeaf([]string{"localhost"}))}, PrivateKey: testKey}
	server := r.server(pair)
	clients.Config, clients.TLS, clients.EnableHTTP2 = server, server.TLSConfig, true
	clients.StartTLS()
	manage := httptest.NewServer(manager{r}.handler())
	g := &rig{T: t, pebble: fake, relay: r, clients: clients, tests: manage, account: "1"}
	g.newClient(true)
	t.Cleanup(func() { clients.Close(); manage.Close(); behind.Close() })
	return g
}

func der(text []byte) []byte {
	block, _ := pem.Decode(text)
	return block.Bytes
}

func (g *rig) newClient(http2 bool) {
	g.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}}
}

type reply struct {
	*http.Response
	body   []byte
	object map[string]any
}

var nonces int

// post sends a signed request, but for the signature; payload nil is POST-as-GET.
func (g *rig) post(path string, payload any) (*reply, error) {
	g.Helper()
	nonces++
	protected := map[string]any{"nonce": fmt.Sprint("test", nonces), "kid": g.clients.URL + "/my-account/" + g.account}
	if payload, ok := payload.(map[string]any); ok && payload["jwk"] != nil {
		delete(protected, "kid")
		protected["jwk"] = map[string]any{"kty": "EC", "crv": "P-256", "x": payload["jwk"], "y": "y"}
		delete(payload, "jwk")
	}
	plain := ""
	if payload != nil {
		plain = base64.RawURLEncoding.EncodeToString(encode(payload))
	}
	body := encode(map[string]string{"protected": base64.RawURLEncoding.EncodeToString(encode(protected)), "payload": plain, "signature": "s"})
	if !strings.HasPrefix(path, "https:") {
		path = g.clients.URL + path
	}
	return g.read(g.client.Post(path, "application/jose+json", bytes.NewReader(body)))
}

func (g *rig) read(response *http.Response, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	r := &reply{Response: response}
	if r.body, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	r.object = object(r.body)
	return r, nil
}

func (g *rig) must(status int) func(*reply, error) *reply {
	g.Helper()
	return func(r *reply, err error) *reply {
		g.Helper()
		if err != nil {
			g.Fatal(err)
		}
		if r.StatusCode != status {
			g.Fatalf("status %d, not %d: %s", r.StatusCode, status, r.body)
		}
		return r
	}
}

func (g *rig) manage(path string, value any) map[string]any {
	g.Helper()
	r := g.must(200)(g.read(http.Post(g.tests.URL+path, "application/json", bytes.NewReader(encode(value)))))
	return r.object
}

func (g *rig) stats() map[string]any {
	g.Helper()
	return g.must(200)(g.read(http.Get(g.tests.URL + "/stats"))).object
}

func (g *rig) faults(script ...map[string]any) { g.Helper(); g.manage("/faults", script) }

func orderOf(names ...string) map[string]any {
	var identifiers []any
	for _, name := range names {
		identifiers = append(identifiers, map[string]string{"type": "dns", "value": name})
	}
	return map[string]any{"identifiers": identifiers}
}

// validate walks an order to ready; gives its status.
func (g *rig) validate(o *reply) string {
	g.Helper()
	for _, url := range o.object["authorizations"].([]any) {
		a := g.must(200)(g.post(url.(string), nil))
		for _, challenge := range a.object["challenges"].([]any) {
			if text(challenge.(map[string]any), "type") == "http-01" {
				g.must(200)(g.post(text(challenge.(map[string]any), "url"), map[string]any{}))
			}
		}
	}
	return text(g.must(200)(g.post(o.Header.Get("Location"), nil)).object, "status")
}

// obtain takes an order to its certificate; gives the id for renewal information.
func (g *rig) obtain(payload map[string]any) string {
	g.Helper()
	o := g.must(201)(g.post("/order-plz", payload))
	if status := g.validate(o); status != "ready" {
		g.Fatal(status)
	}
	g.must(200)(g.post(text(o.object, "finalize"), map[string]string{"csr": "c"}))
	done := g.must(200)(g.post(o.Header.Get("Location"), nil))
	leaf, err := x509.ParseCertificate(der(g.must(200)(g.post(text(done.object, "certificate"), nil)).body))
	if err != nil {
		g.Fatal(err)
	}
	return certificateID(leaf)
}

func (g *rig) seen(request string) int {
	g.pebble.mu.Lock()
	defer g.pebble.mu.Unlock()
	count := 0
	for _, seen := range g.pebble.requests {
		if seen == request {
			count++
		}
	}
	return count
}

func TestDenial(t *testing.T) {
	g := newRig(t)
	g.manage("/clock", map[string]any{"now": "2026-03-01T00:00:00Z", "stopped": true})
	for i := 0; i < 50; i++ {
		g.obtain(orderOf(fmt.Sprintf("n%d.example.test", i)))
	}
	r := g.must(429)(g.post("/order-plz", orderOf("one.example.test", "more.other.test")))
	want := `too many certificates (50) already issued for "example.test" in the last 168h0m0s, retry after 2026-03-01 03:21:36 UTC: ` +
		`see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-registered-domain`
	if text(r.object, "detail") != want || text(r.object, "type") != errorPrefix+"rateLimited" {
		t.Errorf("%s", r.body)
	}
	if r.Header.Get("Retry-After") != "12096" || r.Header.Get("Replay-Nonce") == "" || r.Header.Get("Date") != "Sun, 01 Mar 2026 00:00:00 GMT" ||
		r.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(strings.Join(r.Header["Link"], " "), `<https://letsencrypt.org/docs/rate-limits>;rel="help"`) {
		t.Errorf("%v", r.Header)
	}
	if g.seen("POST /order-plz") != 50 {
		t.Error("a refused order has reached Pebble")
	}
	g.manage("/clock", map[string]any{"advance": 12096})
	g.obtain(orderOf("one.example.test"))
	g.must(429)(g.post("/order-plz", orderOf("two.example.test")))
	denied := g.stats()["denied"].(map[string]any)
	if fmt.Sprint(denied) != "map[CertificatesPerDomain:2]" {
		t.Error(denied)
	}
	// a renewal by the same names
	g.obtain(orderOf("one.example.test"))
}

func TestJitter(t *testing.T) {
	g := newRig(t)
	g.manage("/settings", map[string]any{"jitter": true, "seed": 7})
	g.manage("/buckets", []any{map[string]any{"limit": "CertificatesPerDomain", "bucket": "example.test", "spend": 50}})
	seen := map[string]bool{}
	for i := 0; i < 20; i++ {
		r := g.must(429)(g.post("/order-plz", orderOf("a.example.test")))
		var wait int
		_, _ = fmt.Sscan(r.Header.Get("Retry-After"), &wait)
		seen[r.Header.Get("Retry-After")] = true
		if wait < 12090 || wait > 12459 {
			t.Error(wait)
		}
	}
	if len(seen) < 5 {
		t.Error("hardly any difference")
	}
}

func TestRefundWhenPebbleRefuses(t *testing.T) {
	g := newRig(t)
	g.pebble.refuse = 400
	g.must(400)(g.post("/order-plz", orderOf("a.example.test")))
	if all := g.must(200)(g.read(http.Get(g.tests.URL + "/buckets"))).object["buckets"].([]any); len(all) != 0 {
		t.Error(all)
	}
}

func TestReuse(t *testing.T) {
	g := newRig(t)
	first := g.must(201)(g.post("/order-plz", orderOf("a.example.test")))
	again := g.must(201)(g.post("/order-plz", orderOf("A.example.test")))
	if first.Header.Get("Location") != again.Header.Get("Location") || again.Header.Get("Replay-Nonce") == "" {
		t.Error("another order")
	}
	// still spent
	bucket := g.must(200)(g.read(http.Get(g.tests.URL + "/buckets?account=1&names=a.example.test"))).object["buckets"].([]any)[0].(map[string]any)
	if fmt.Sprint(bucket["remaining"]) != "298" {
		t.Error(bucket)
	}
	g.account = "2"
	if other := g.must(201)(g.post("/order-plz", orderOf("a.example.test"))); other.Header.Get("Location") == first.Header.Get("Location") {
		t.Error("another account's order")
	}
}

func TestReplaces(t *testing.T) {
	g := newRig(t)
	g.manage("/clock", map[string]any{"now": "2026-03-01T00:00:00Z", "stopped": true})
	id := g.obtain(orderOf("a.example.test"))
	r := g.must(200)(g.read(g.client.Get(g.clients.URL + renewalPath + "/" + id)))
	window := r.object["suggestedWindow"].(map[string]any)
	if r.Header.Get("Retry-After") != "21600" || text(window, "start") > "2026-05-01" || text(window, "start") < "2026-04-28" {
		t.Errorf("%s", r.body)
	}
	g.must(404)(g.read(g.client.Get(g.clients.URL + renewalPath + "/AQID.AQID")))

	replacing := func(id string, names ...string) map[string]any {
		payload := orderOf(names...)
		payload["replaces"] = id
		return payload
	}
	g.manage("/buckets", []any{map[string]any{"limit": "CertificatesPerDomain", "bucket": "example.test", "spend": 50}})
	// before the window no exemption; a denial is no replacement
	g.must(429)(g.post("/order-plz", replacing(id, "a.example.test", "b.example.test")))
	g.manage("/clock", map[string]any{"now": text(window, "start")})
	g.manage("/buckets", []any{map[string]any{"limit": "CertificatesPerDomain", "bucket": "example.test", "spend": 50}})
	g.must(404)(g.post("/order-plz", replacing("AQID.AQID", "a.example.test")))
	g.must(400)(g.post("/order-plz", replacing("nonsense", "a.example.test")))
	g.must(400)(g.post("/order-plz", replacing(id, "other.test")))
	g.account = "2"
	g.must(403)(g.post("/order-plz", replacing(id, "a.example.test")))
	g.account = "1"
	o := g.must(201)(g.post("/order-plz", replacing(id, "a.example.test", "b.example.test")))
	again := g.must(409)(g.post("/order-plz", replacing(id, "a.example.test", "b.example.test")))
	if text(again.object, "type") != errorPrefix+"alreadyReplaced" {
		t.Errorf("%s", again.body)
	}
	// when the order has expired unfinished, the certificate can be replaced again; late is not exempt
	g.manage("/clock", map[string]any{"advance": 7*86400 + 1})
	g.must(404)(g.post(o.Header.Get("Location"), nil))
	g.manage("/buckets", []any{map[string]any{"limit": "CertificatesPerDomain", "bucket": "example.test", "spend": 50}})
	g.must(429)(g.post("/order-plz", replacing(id, "a.example.test", "b.example.test")))
	if got := g.stats()["replaces_refused"]; fmt.Sprint(got) != "5" {
		t.Error(got)
	}
}

// A CA whose clock shows another year signs with its own dates; id, names and key stay.
func TestDatesOfTheClock(t *testing.T) {
	g := newRig(t)
	g.manage("/clock", map[string]any{"now": "2031-05-05T10:00:00Z", "stopped": true})
	id := g.obtain(orderOf("a.example.test"))
	c := g.relay.certificates[id]
	lifetime := 90*24*time.Hour - time.Second
	if c.leaf.NotBefore.Format(time.RFC3339) != "2031-05-05T09:01:30Z" || c.leaf.NotAfter.Sub(c.leaf.NotBefore) != lifetime || !strings.HasPrefix(id, "AQID.") {
		t.Errorf("%s to %s, %s", c.leaf.NotBefore, c.leaf.NotAfter, id)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(g.must(200)(g.read(http.Get(g.tests.URL + "/root"))).body)
	between.AddCert(g.relay.authority.intermediate)
	if _, err := c.leaf.Verify(x509.VerifyOptions{DNSName: "a.example.test", Roots: roots, Intermediates: between, CurrentTime: c.leaf.NotBefore}); err != nil {
		t.Error(err)
	}
	g.manage("/settings", map[string]any{"lifetime": map[string]int{"short": 576000}})
	payload := orderOf("b.example.test")
	payload["profile"] = "short"
	if short := g.relay.certificates[g.obtain(payload)].leaf; short.NotAfter.Sub(short.NotBefore) != 576000*time.Second-time.Second {
		t.Errorf("%s to %s", short.NotBefore, short.NotAfter)
	}
	revocation := map[string]string{"certificate": base64.RawURLEncoding.EncodeToString(c.leaf.Raw)}
	g.must(200)(g.post("/revoke-cert", revocation))
	g.must(400)(g.post("/revoke-cert", revocation))
	if g.seen("POST /revoke-cert") != 0 {
		t.Error("Pebble was asked")
	}
}

func TestRevokedWindowIsPast(t *testing.T) {
	g := newRig(t)
	id := g.obtain(orderOf("a.example.test"))
	leaf := g.relay.certificates[id].leaf
	g.must(200)(g.post("/revoke-cert", map[string]string{"certificate": base64.RawURLEncoding.EncodeToString(leaf.Raw)}))
	r := g.must(200)(g.read(g.client.Get(g.clients.URL + renewalPath + "/" + id)))
	if end := text(r.object["suggestedWindow"].(map[string]any), "end"); end > time.Now().UTC().Format(time.RFC3339) {
		t.Error(end)
	}
}

func TestFailingNames(t *testing.T) {
	g := newRig(t)
	g.manage("/failing", []any{map[string]any{"name": "bad*.test", "times": 2, "type": "dns", "detail": "NXDOMAIN looking up A"}})
	o := g.must(201)(g.post("/order-plz", orderOf("good.test", "bad.test")))
	if status := g.validate(o); status != "invalid" {
		t.Fatal(status)
	}
	for _, url := range o.object["authorizations"].([]any) {
		a := g.must(200)(g.post(url.(string), nil))
		if strings.HasSuffix(url.(string), "bad.test") {
			challenge := a.object["challenges"].([]any)[0].(map[string]any)
			if text(a.object, "status") != "invalid" || len(a.object["challenges"].([]any)) != 1 || text(challenge["error"].(map[string]any), "type") != errorPrefix+"dns" {
				t.Errorf("%s", a.body)
			}
		} else if text(a.object, "status") != "valid" {
			t.Errorf("%s", a.body)
		}
	}
	g.must(403)(g.post(text(o.object, "finalize"), map[string]string{"csr": "c"}))
	if v := g.relay.ledger.look(time.Now().UnixNano(), g.relay.ledger.failureCharges(nil, "1", []string{"bad.test"})[0]); v.remaining != 4 {
		t.Error(v)
	}
	g.validate(g.must(201)(g.post("/order-plz", orderOf("bad.test"))))
	g.obtain(orderOf("bad.test")) // twice only
}

func TestFailuresPauseAndDeny(t *testing.T) {
	g := newRig(t)
	g.manage("/failing", []any{map[string]any{"name": "bad.test"}})
	g.manage("/limits", map[string]any{"defaults": map[string]any{
		"FailedAuthorizationsForPausingPerDomainPerAccount": map[string]any{"count": 1, "burst": 5, "period": "24h"}}})
	for i := 0; i < 5; i++ {
		g.validate(g.must(201)(g.post("/order-plz", orderOf("bad.test"))))
	}
	r := g.must(429)(g.post("/order-plz", orderOf("bad.test")))
	if !strings.HasPrefix(text(r.object, "detail"), `too many failed authorizations (5) for "bad.test" in the last 1h0m0s, retry after `) {
		t.Errorf("%s", r.body)
	}
	g.manage("/clock", map[string]any{"advance": 720})
	g.validate(g.must(201)(g.post("/order-plz", orderOf("bad.test"))))
	r = g.must(429)(g.post("/order-plz", orderOf("bad.test")))
	detail := text(r.object, "detail")
	if !strings.Contains(detail, "for bad.test and possibly others. Please visit: https://") || r.Header.Get("Retry-After") != "" {
		t.Errorf("%s", r.body)
	}
	g.must(200)(g.read(g.client.Post(detail[strings.Index(detail, "https://"):], "", nil)))
	g.manage("/clock", map[string]any{"advance": 3600})
	g.must(201)(g.post("/order-plz", orderOf("bad.test")))
}

func TestAccounts(t *testing.T) {
	g := newRig(t)
	g.manage("/settings", map[string]any{"client_ip": "192.0.2.7"})
	for i := 0; i < 10; i++ {
		g.must(201)(g.post("/sign-me-up", map[string]any{"jwk": fmt.Sprint(i)}))
	}
	r := g.must(429)(g.post("/sign-me-up", map[string]any{"jwk": "x"}))
	if !strings.HasPrefix(text(r.object, "detail"), "too many new registrations (10) from this IP address in the last 3h0m0s") {
		t.Errorf("%s", r.body)
	}
	g.must(200)(g.post("/sign-me-up", map[string]any{"jwk": "3"})) // known: free
}

func TestClockIsInEverything(t *testing.T) {
	g := newRig(t)
	g.manage("/clock", map[string]any{"now": "2031-05-05T10:00:00Z", "stopped": true})
	r := g.must(200)(g.read(g.client.Get(g.clients.URL + "/dir")))
	if r.Header.Get("Date") != "Mon, 05 May 2031 10:00:00 GMT" || text(r.object, "renewalInfo") != g.clients.URL+renewalPath {
		t.Errorf("%v %s", r.Header, r.body)
	}
	o := g.must(201)(g.post("/order-plz", orderOf("a.test")))
	if text(o.object, "expires") != "2031-05-12T10:00:00Z" {
		t.Errorf("%s", o.body)
	}
	a := g.must(200)(g.post(o.object["authorizations"].([]any)[0].(string), nil))
	if expires := text(a.object, "expires"); expires < "2031-05-05T10:59:00Z" || expires > "2031-05-05T11:01:00Z" {
		t.Error(expires)
	}
}

func TestFaults(t *testing.T) {
	g := newRig(t)
	on := func(action string, more ...any) {
		f := map[string]any{"match": map[string]any{"kind": "newOrder"}, "count": 1, "action": action}
		for i := 0; i < len(more); i += 2 {
			f[more[i].(string)] = more[i+1]
		}
		g.faults(f)
	}
	ask := func() (*reply, error) { return g.post("/order-plz", orderOf("a.test")) }

	g.faults(map[string]any{"match": map[string]any{"path": "^/order"}, "nth": 2, "count": 2, "action": "badNonce"})
	for i, want := range []int{201, 400, 400, 201} {
		if r := g.must(want)(ask()); want == 400 && (text(r.object, "type") != errorPrefix+"badNonce" || r.Header.Get("Replay-Nonce") == "") {
			t.Errorf("%d: %s", i, r.body)
		}
	}
	for _, c := range []struct {
		value any
		want  string
	}{{5, "5"}, {"", ""}, {"soon", "soon"}} {
		on("unavailable", "retry_after", c.value)
		if r := g.must(503)(ask()); r.Header.Get("Retry-After") != c.want || r.object != nil {
			t.Errorf("%v %s", r.Header, r.body)
		}
	}
	on("unavailable", "retry_after_date", 90)
	if at, err := http.ParseTime(g.must(503)(ask()).Header.Get("Retry-After")); err != nil || time.Until(at) < 80*time.Second {
		t.Error(at, err)
	}
	on("error")
	if r := g.must(500)(ask()); r.Header.Get("Retry-After") != "60" {
		t.Error(r.Header)
	}
	on("rateLimited")
	if r := g.must(429)(ask()); r.Header.Get("Retry-After") != "" {
		t.Error(r.Header)
	}
	on("answer", "status", 418, "type", "teapot", "detail", "short")
	if r := g.must(418)(ask()); text(r.object, "type") != errorPrefix+"teapot" {
		t.Errorf("%s", r.body)
	}
	on("truncate")
	if r := g.must(201)(ask()); r.object != nil {
		t.Errorf("%s", r.body)
	}
	on("noNonce")
	if r := g.must(201)(ask()); r.Header.Get("Replay-Nonce") != "" {
		t.Error(r.Header)
	}
	on("contentType", "content_type", "text/html")
	if r := g.must(201)(ask()); r.Header.Get("Content-Type") != "text/html" {
		t.Error(r.Header)
	}
	on("skewDate", "skew_seconds", -7200)
	if at, _ := http.ParseTime(g.must(201)(ask()).Header.Get("Date")); time.Until(at) > -7190*time.Second {
		t.Error(at)
	}
	on("slow")
	g.must(201)(ask())
	on("delay", "delay_ms", 60)
	began := time.Now()
	if g.must(201)(ask()); time.Since(began) < 60*time.Millisecond {
		t.Error("no delay")
	}
	if got := g.stats()["faults"]; fmt.Sprint(got) != "15" {
		t.Error(got)
	}
	if r := g.must(400)(g.read(http.Post(g.tests.URL+"/faults", "", strings.NewReader(`[{"action":"explode"}]`)))); !strings.Contains(string(r.body), "explode") {
		t.Errorf("%s", r.body)
	}
}

func TestLostAnswers(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		g := newRig(t)
		g.newClient(http2)
		for i, action := range []string{"resetBefore", "resetAfter", "closeBefore", "closeAfter", "cut"} {
			name, before := fmt.Sprintf("a%d.test", i), g.seen("POST /order-plz")
			g.faults(map[string]any{"match": map[string]any{"kind": "newOrder", "name": "a*.test"}, "action": action})
			if _, err := g.post("/order-plz", orderOf(name)); err == nil {
				t.Errorf("%s: answered", action)
			}
			reached := g.seen("POST /order-plz") > before
			if want := !strings.HasSuffix(action, "Before"); reached != want {
				t.Errorf("%s: reached Pebble %v", action, reached)
			}
			g.must(201)(g.post("/order-plz", orderOf("b"+name)))
		}
	}
}

func TestProcessingAndInvalid(t *testing.T) {
	g := newRig(t)
	g.faults(map[string]any{"match": map[string]any{"kind": "finalize", "name": "slow.test"}, "action": "processing", "polls": 2},
		map[string]any{"match": map[string]any{"kind": "finalize", "name": "dead.test"}, "action": "invalid", "type": "caa", "detail": "CAA forbids"})
	o := g.must(201)(g.post("/order-plz", orderOf("slow.test")))
	g.validate(o)
	r := g.must(200)(g.post(text(o.object, "finalize"), map[string]string{"csr": "c"}))
	for i := 0; i < 3; i++ {
		if text(r.object, "status") != "processing" || r.Header.Get("Retry-After") != "3" || r.object["certificate"] != nil {
			t.Errorf("%d: %v %s", i, r.Header, r.body)
		}
		if len(g.relay.ledger.sets) != 0 {
			t.Error("issued too early")
		}
		r = g.must(200)(g.post(o.Header.Get("Location"), nil))
	}
	if text(r.object, "status") != "valid" || len(g.relay.ledger.sets) != 1 {
		t.Errorf("%s", r.body)
	}

	o = g.must(201)(g.post("/order-plz", orderOf("dead.test")))
	g.validate(o)
	g.must(200)(g.post(text(o.object, "finalize"), map[string]string{"csr": "c"}))
	r = g.must(200)(g.post(o.Header.Get("Location"), nil))
	failure, _ := r.object["error"].(map[string]any)
	if text(r.object, "status") != "invalid" || text(failure, "type") != errorPrefix+"caa" || len(g.relay.ledger.sets) != 1 {
		t.Errorf("%s", r.body)
	}
}

func TestFrontLimits(t *testing.T) {
	var f front
	now := time.Unix(1000, 0)
	for i := 0; i < 10; i++ {
		if f.refuse("newNonce", now) != nil {
			t.Fatal(i)
		}
	}
	if a := f.refuse("newNonce", now); a == nil || a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Error("the eleventh at once passes")
	}
	if f.refuse("newNonce", now.Add(50*time.Millisecond)) != nil || f.refuse("newNonce", now.Add(99*time.Millisecond)) == nil {
		t.Error("20 a second")
	}
	g := newRig(t)
	g.manage("/settings", map[string]any{"front": true})
	refused := 0
	for i := 0; i < 30; i++ {
		if r, err := g.read(g.client.Head(g.clients.URL + "/nonce-plz")); err == nil && r.StatusCode == 503 {
			refused++
		}
	}
	if refused == 0 || fmt.Sprint(g.stats()["front_denied"]) != fmt.Sprint(refused) {
		t.Error(refused)
	}
}

func TestCounts(t *testing.T) {
	g := newRig(t)
	g.obtain(orderOf("a.test"))
	s := g.stats()
	connections := s["connections"].(map[string]any)
	if fmt.Sprintf("%v %v %v %v %v", connections["handshakes"], connections["most"], s["depth"], s["streams"], s["total"]) != "1 1 7 1 7" || fmt.Sprint(connections["protocols"]) != "map[h2:1]" {
		t.Error(s)
	}
	g.manage("/reset", nil)
	g.faults(map[string]any{"match": map[string]any{"kind": "directory"}, "action": "delay", "delay_ms": 100})
	var all sync.WaitGroup
	for i := 0; i < 5; i++ {
		all.Add(1)
		go func() { defer all.Done(); _, _ = g.read(g.client.Get(g.clients.URL + "/dir")) }()
	}
	all.Wait()
	if s = g.stats(); fmt.Sprintf("%v %v %v", s["streams"], s["depth"], s["requests"]) != "5 1 map[directory:5]" {
		t.Error(s)
	}
	g.manage("/settings", map[string]any{"http1": true})
	g.newClient(true)
	if r := g.must(200)(g.read(g.client.Get(g.clients.URL + "/dir"))); r.ProtoMajor != 1 {
		t.Error(r.Proto)
	}
	if got := g.stats()["connections"].(map[string]any)["most"]; fmt.Sprint(got) != "2" {
		t.Error(got)
	}
}

func TestGoAway(t *testing.T) {
	g := newRig(t)
	g.faults(map[string]any{"action": "goaway", "count": 1})
	for i := 0; i < 3; i++ {
		g.must(200)(g.read(g.client.Get(g.clients.URL + "/dir")))
	}
	if got := g.stats()["connections"].(map[string]any)["handshakes"]; fmt.Sprint(got) != "2" {
		t.Error(got)
	}
}

func TestSpentNonce(t *testing.T) {
	g := newRig(t)
	g.manage("/buckets", []any{map[string]any{"limit": "CertificatesPerDomain", "bucket": "a.test", "spend": 50}})
	g.must(429)(g.post("/order-plz", orderOf("a.test")))
	nonces-- // the same nonce again
	if r := g.must(400)(g.post("/order-plz", orderOf("b.test"))); text(r.object, "type") != errorPrefix+"badNonce" {
		t.Errorf("%s", r.body)
	}
}

func TestConfiguration(t *testing.T) {
	g := newRig(t)
	m := manager{g.relay}
	path := t.TempDir() + "/relay.json"
	write(t, path, `{"limits":{"defaults":{"CertificatesPerDomain":{"count":2,"burst":2,"period":"168h"}}},"settings":{"reuse":false},"clock":{"now":1000000000}}`)
	if err := m.configure(path); err != nil {
		t.Fatal(err)
	}
	if g.relay.ledger.limits.defaults[certificatesPerDomain].burst != 2 || g.relay.ledger.limits.defaults[certificatesPerSet].burst != 5 || g.relay.settings.Reuse {
		t.Error("not taken")
	}
	for _, bad := range []string{`{"limit":{}}`, `{"limits":{"default":{}}}`, `[]`} {
		write(t, path, bad)
		if m.configure(path) == nil {
			t.Error(bad)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
