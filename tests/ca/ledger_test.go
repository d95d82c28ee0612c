// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const start = int64(1_000_000_000) * second

func newTestLedger() *ledger {
	return newLedger(productionLimits(), parseSuffixes(strings.NewReader("com\nco.uk\ngithub.io\n*.ck\n!www.ck\n公司.cn\n")))
}

func at(seconds int64) int64 { return start + seconds*second }

// The vectors for the exact set: issued and asked in one step.
func TestExactSet(t *testing.T) {
	l, set := newTestLedger(), []string{"example.com"}
	c := l.setCharge(nil, set)[0]
	for i, step := range []struct {
		at                            int64
		allowed                       bool
		remaining, retryIn, fullAgain int64
	}{
		{0, true, 4, 0, 120960}, {0, true, 3, 0, 241920}, {0, true, 2, 0, 362880}, {0, true, 1, 0, 483840},
		{0, true, 0, 120960, 604800}, {0, false, 0, 120960, 604800}, {3600, false, 0, 117360, 601200},
		{120960, true, 0, 120960, 604800}, {241921, true, 0, 120959, 604799}, {700000, true, 2, 0, 267680},
	} {
		now := at(step.at)
		if allowed := l.spendIfAny(now, c); allowed != step.allowed {
			t.Errorf("step %d: allowed %v", i, allowed)
		}
		v := l.look(now, c)
		retryIn := v.retryAt - now
		if retryIn < 0 {
			retryIn = 0
		}
		if v.remaining != step.remaining || retryIn != step.retryIn*second || v.full-now != step.fullAgain*second {
			t.Errorf("step %d: remaining %d, retry in %d, full in %d", i, v.remaining, retryIn/second, (v.full-now)/second)
		}
	}
}

func TestFailedValidations(t *testing.T) {
	l, set := newTestLedger(), []string{"x.example.com"}
	for i := int64(0); i < 5; i++ {
		l.failed(at(60*i), "1", set[0])
	}
	for _, step := range []struct{ at, retryIn int64 }{{300, 420}, {719, 1}, {720, 0}} {
		v := l.order(at(step.at), "1", set, false)
		if step.retryIn == 0 != v.allowed() {
			t.Fatalf("at %d: %+v", step.at, v)
		}
		if step.retryIn > 0 && (v.denied.limit != failuresPerName || v.denied.retryAt != at(step.at+step.retryIn)) {
			t.Errorf("at %d: %+v", step.at, v.denied)
		}
	}
	if v := l.order(at(300), "2", set, false); !v.allowed() {
		t.Error("another account is denied")
	}
	if v := l.order(at(300), "1", []string{"*.example.com"}, false); !v.allowed() {
		t.Error("another name is denied")
	}
}

func TestCertificatesOfADomain(t *testing.T) {
	l := newTestLedger()
	set := func(i int64) []string {
		return []string{string(rune('a'+i/26)) + string(rune('a'+i%26)) + ".example.com"}
	}
	for i := int64(0); i < 50; i++ {
		if v := l.order(at(0), "1", set(i), false); !v.allowed() {
			t.Fatalf("certificate %d: %+v", i, v.denied)
		}
		l.issued(at(0), "1", set(i), at(-3510))
	}
	for i, step := range []struct {
		at      int64
		allowed bool
	}{{0, false}, {12095, false}, {12096, true}, {12097, false}, {24192, true}} {
		another := set(int64(60 + i))
		v := l.order(at(step.at), "1", another, false)
		if v.allowed() != step.allowed {
			t.Errorf("at %d: %+v", step.at, v)
		}
		if v.allowed() {
			l.issued(at(step.at), "1", another, at(step.at-3510))
		}
	}
	// what was issued before is a renewal and free of this limit, and so is what replaces
	if v := l.order(at(24193), "2", set(0), false); !v.allowed() || v.as != asRenewal {
		t.Errorf("renewal: %+v", v)
	}
	if v := l.order(at(24193), "2", set(100), true); !v.allowed() || v.as != asARI {
		t.Errorf("replacement: %+v", v)
	}
}

func TestRenewalIsCountedFromNotBefore(t *testing.T) {
	l, set := newTestLedger(), []string{"example.com"}
	l.issued(start, "1", set, start-100)
	if v := l.order(start-100+renewalWindow-1, "1", set, false); v.as != asRenewal {
		t.Error("a nanosecond before 120 days: " + v.as)
	}
	if v := l.order(start-100+renewalWindow, "1", set, false); v.as != asNew {
		t.Error("at 120 days: " + v.as)
	}
}

func TestOrdersOfAnAccount(t *testing.T) {
	l := newTestLedger()
	for i := 0; i < 300; i++ {
		if v := l.order(start, "1", []string{"example.com"}, false); !v.allowed() {
			t.Fatalf("order %d", i)
		}
	}
	v := l.order(start, "1", []string{"example.com"}, false)
	if v.allowed() || v.denied.limit != ordersPerAccount || v.denied.retryAt != at(36) {
		t.Fatalf("%+v", v)
	}
	l.refundOrder(start, "1")
	if v := l.order(start, "1", []string{"example.com"}, false); !v.allowed() {
		t.Error("the refund is not there")
	}
}

// All or nothing, and the strictest is named.
func TestStrictest(t *testing.T) {
	l := newTestLedger()
	for i := 0; i < 5; i++ {
		l.issued(start, "1", []string{"a.com"}, start-200*day)
	}
	for i := 0; i < 300; i++ {
		l.order(start, "1", []string{"b.com"}, false)
	}
	v := l.order(start, "1", []string{"a.com"}, false)
	if v.allowed() || v.denied.limit != certificatesPerSet {
		t.Fatalf("%+v", v.denied)
	}
	want := `too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2001-09-10 11:22:40 UTC: ` +
		`see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers`
	if got := v.denied.message(time.Unix(0, v.denied.retryAt)); got != want {
		t.Error(got)
	}
}

func TestPause(t *testing.T) {
	l := newTestLedger()
	paused := 0
	for i := 1; i <= 1153; i++ {
		if l.failed(start, "1", "x.com") {
			paused = i
			break
		}
	}
	if paused != 1153 {
		t.Fatalf("paused by failure %d", paused)
	}
	if v := l.order(start, "1", []string{"y.com", "x.com"}, true); v.allowed() || len(v.paused) != 1 || v.paused[0] != "x.com" {
		t.Errorf("%+v", v)
	}
	l.valid("1", "x.com")
	if l.pausedNames("1", []string{"x.com"}) == nil {
		t.Error("a success has lifted the pause")
	}
	if l.unpause(start, "1") != 1 || l.pausedNames("1", []string{"x.com"}) != nil {
		t.Error("not lifted")
	}
	for i := 0; i < 1152; i++ {
		l.failed(start, "1", "x.com")
	}
	if l.failed(start+1, "1", "x.com") {
		t.Error("paused again within 14 days")
	}
	for i := 0; i < 14; i++ {
		if l.failed(start+14*day-1, "1", "x.com") {
			t.Error("paused again a nanosecond before 14 days")
		}
	}
	if l.failed(start+14*day, "1", "x.com") { // the unit of the fourteenth day
		t.Error("paused although there was a unit")
	}
	if !l.failed(start+14*day, "1", "x.com") {
		t.Error("not paused again after 14 days")
	}
}

func TestRegistrations(t *testing.T) {
	l := newTestLedger()
	for i := 0; i < 10; i++ {
		if l.register(start, netip.MustParseAddr("2602:80a:6000::1")) != nil {
			t.Fatal(i)
		}
	}
	d := l.register(start, netip.MustParseAddr("2602:80a:6000::1"))
	if d == nil || d.limit != registrationsPerAddress || d.retryAt != at(1080) {
		t.Errorf("%+v", d)
	}
	if v := l.look(start, l.registrationCharges(netip.MustParseAddr("2602:80a:6000::2"))[1]); v.remaining != 490 {
		t.Error(v.remaining)
	}
}

func TestOverrides(t *testing.T) {
	l := newTestLedger()
	other, err := l.limits.changed(&limitsJSON{
		Defaults: map[string]*ruleJSON{"CertificatesPerDomain": {Count: 1, Burst: 1, Period: "1h"}, "NewOrdersPerAccount": nil},
		Overrides: []map[string]*ruleJSON{{"CertificatesPerDomainPerAccount": {Count: 2, Burst: 2, Period: "1h", IDs: []struct {
			ID string `json:"id"`
		}{{"7"}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.limits = other
	l.issued(start, "1", []string{"a.example.com"}, start)
	if v := l.order(start, "1", []string{"b.example.com"}, false); v.allowed() || v.denied.limit != certificatesPerDomain {
		t.Errorf("%+v", v)
	}
	for i, name := range []string{"c.example.com", "d.example.com"} {
		if v := l.order(start, "7", []string{name}, false); !v.allowed() {
			t.Errorf("override, certificate %d: %+v", i, v.denied)
		}
		l.issued(start, "7", []string{name}, start)
	}
	if v := l.order(start, "7", []string{"e.example.com"}, false); v.allowed() || v.denied.limit != certificatesPerDomainPerAccount || v.denied.key != "7:example.com" {
		t.Errorf("%+v", v)
	}
	for _, bad := range []*limitsJSON{
		{Defaults: map[string]*ruleJSON{"Certificates": {Count: 1, Burst: 1, Period: "1h"}}},
		{Defaults: map[string]*ruleJSON{"CertificatesPerDomain": {Count: 0, Burst: 1, Period: "1h"}}},
		{Defaults: map[string]*ruleJSON{"CertificatesPerDomain": {Count: 1, Burst: 1, Period: "week"}}},
	} {
		if _, err := l.limits.changed(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestNames(t *testing.T) {
	s := newTestLedger().suffixes
	for name, want := range map[string]string{
		"a.b.example.com": "example.com", "com": "com", "co.uk": "co.uk", "a.co.uk": "a.co.uk", "x.a.co.uk": "a.co.uk", "*.github.io": "*.github.io",
		"me.github.io": "me.github.io", "*.me.github.io": "me.github.io", "a.b.c.ck": "b.c.ck", "c.ck": "c.ck", "ck": "ck", "x.www.ck": "www.ck", "www.ck": "www.ck",
		"a.example.unknown": "example.unknown", "x.a.xn--55qx5d.cn": "a.xn--55qx5d.cn", "64.112.117.1": "64.112.117.1/32", "2602:80a:6000::1": "2602:80a:6000::/64",
	} {
		if got := s.cover(name); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	for unicode, want := range map[string]string{"bücher.example": "xn--bcher-kva.example", "公司.cn": "xn--55qx5d.cn", "個人.hk": "xn--gmqw5a.hk", "ทหาร.ไทย": "xn--o3cyx2a.xn--o3cw4h"} {
		if got := toASCII(unicode); got != want {
			t.Errorf("%s: %s", unicode, got)
		}
	}
	if got := strings.Join(normalSet([]string{"b.com", "10.0.0.1", "A.com", "b.COM", "*.a.com"}), ","); got != "*.a.com,a.com,b.com,10.0.0.1" {
		t.Error(got)
	}
}

// The windows of the documentation: lifetime, backdated by 58.5 minutes, opens and closes so long after issuance.
func TestWindow(t *testing.T) {
	issued := time.Unix(1_800_000_000, 0)
	for _, w := range []struct{ lifetime, opens, closes string }{
		{"2160h", "1417h45m34s", "1460h56m23s"}, {"1536h", "1007h59m58s", "1038h41m59s"}, {"1080h", "708h33m34s", "730h08m23s"}, {"160h", "77h55m27s", "81h6m0s"},
	} {
		lifetime, _ := time.ParseDuration(w.lifetime)
		opens, _ := time.ParseDuration(w.opens)
		closes, _ := time.ParseDuration(w.closes)
		got := suggestedWindow(issued, issued.Add(-3510*time.Second+lifetime-time.Second))
		if d := got.Start.Sub(issued.Add(opens)); d < -time.Minute || d > time.Minute {
			t.Errorf("%s: opens after %s", w.lifetime, got.Start.Sub(issued))
		}
		if d := got.End.Sub(issued.Add(closes)); d < -time.Minute || d > time.Minute {
			t.Errorf("%s: closes after %s", w.lifetime, got.End.Sub(issued))
		}
		if !got.isOpen(got.Start) || got.isOpen(got.End) || got.isOpen(got.Start.Add(-1)) {
			t.Error("open from its start, before its end")
		}
	}
}

func TestTrace(t *testing.T) {
	var out bytes.Buffer
	in := `{"op":"order","t":1000000000000000000,"account":1,"names":["www.example.com","example.com"]}
{"op":"issued","t":1000000005000000000,"account":1,"names":["www.example.com","example.com"],"not_before":999996495000000000}
{"op":"order","t":1000000006000000000,"account":2,"names":["EXAMPLE.com","www.example.com"]}
{"op":"peek","t":1000000006000000000,"account":2,"names":["example.com"]}
{"op":"failed","t":0,"account":2,"name":"example.com"}
`
	if err := runTrace(strings.NewReader(in), &out, parseSuffixes(strings.NewReader(""))); err != nil {
		t.Fatal(err)
	}
	want := `{"allowed":true,"as":"new"}
{"as":"new"}
{"allowed":true,"as":"renewal"}
{"renewal":false,"buckets":[{"limit":"NewOrdersPerAccount","bucket":"2","remaining":300,"next_unit_at":1000000006000000000,"reset_at":1000000006000000000},` +
		`{"limit":"FailedAuthorizationsPerDomainPerAccount","bucket":"2:example.com","remaining":5,"next_unit_at":1000000006000000000,"reset_at":1000000006000000000},` +
		`{"limit":"CertificatesPerDomain","bucket":"example.com","remaining":49,"next_unit_at":1000012101000000000,"reset_at":1000012101000000000},` +
		`{"limit":"CertificatesPerFQDNSet","bucket":"a379a6f6eeafb9a55e378c118034e2751e682fab9f2d30ab13d2125586ce1947","remaining":5,"next_unit_at":1000000006000000000,"reset_at":1000000006000000000},` +
		`{"limit":"FailedAuthorizationsForPausingPerDomainPerAccount","bucket":"2:example.com","remaining":1152,"next_unit_at":1000000006000000000,"reset_at":1000000006000000000}]}
{"error":"the time goes back"}
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
