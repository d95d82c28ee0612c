// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/netip"
	"sort"
	"strings"
	"time"
)

// manager is the interface for tests: plain HTTP, JSON, documented in README.md.
type manager struct{ *relay }

func (m manager) handler() http.Handler {
	mux := http.NewServeMux()
	for path, verbs := range map[string]map[string]func(*http.Request) (any, error){
		"/clock":    {"GET": m.showClock, "POST": m.setClock},
		"/stats":    {"GET": m.showStats},
		"/reset":    {"POST": m.reset},
		"/limits":   {"GET": m.showLimits, "POST": m.setLimits},
		"/buckets":  {"GET": m.showBuckets, "POST": m.setBuckets},
		"/faults":   {"GET": m.showFaults, "POST": m.setFaults},
		"/failing":  {"GET": m.showFailing, "POST": m.setFailing},
		"/settings": {"GET": m.showSettings, "POST": m.setSettings},
		"/issued":   {"POST": m.addIssued},
		"/window":   {"POST": m.setWindow},
		"/unpause":  {"POST": m.unpause},
		"/orders":   {"GET": m.showOrders},
	} {
		mux.HandleFunc(path, m.verb(verbs))
	}
	mux.HandleFunc("/root", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(encodePEM(m.authority.root)) })
	return mux
}

// verb answers in JSON; what is wrong with a request is 400 and one line.
func (m manager) verb(verbs map[string]func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		act := verbs[request.Method]
		if act == nil {
			http.Error(w, "not "+request.Method, http.StatusMethodNotAllowed)
			return
		}
		// One lock after the other, always in this order.
		m.mu.Lock()
		m.stats.mu.Lock()
		value, err := act(request)
		body := []byte{}
		if err == nil {
			body = encode(value)
		}
		m.stats.mu.Unlock()
		m.mu.Unlock()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n'))
	}
}

// decode reads a JSON body; members that are not known are mistakes of the test.
func decode(body io.Reader, value any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	return decoder.Decode(value)
}

var done = map[string]bool{"done": true}

func (m manager) showClock(*http.Request) (any, error) {
	now := m.clock.now()
	return map[string]any{"now": now.Format(time.RFC3339Nano), "seconds": now.Unix(), "ns": now.UnixNano(), "stopped": m.clock.isStopped()}, nil
}

func (m manager) setClock(request *http.Request) (any, error) {
	var order clockOrder
	if err := decode(request.Body, &order); err != nil {
		return nil, err
	}
	if err := m.clock.set(order); err != nil {
		return nil, err
	}
	return m.showClock(request)
}

func (m manager) showStats(*http.Request) (any, error) { return m.stats, nil }

// reset: stats (the usual), limits (every bucket full, nothing issued, nothing paused), faults, all.
func (m manager) reset(request *http.Request) (any, error) {
	what := request.URL.Query().Get("what")
	switch what {
	case "", "stats", "limits", "faults", "all":
	default:
		return nil, fmt.Errorf("what=%s: give stats, limits, faults or all", what)
	}
	if what == "" || what == "stats" || what == "all" {
		m.stats.clear()
	}
	if what == "limits" || what == "all" {
		m.ledger = newLedger(m.ledger.limits, m.ledger.suffixes)
		m.front = front{}
	}
	if what == "faults" || what == "all" {
		m.script, m.failing = nil, nil
	}
	return done, nil
}

func (m manager) showLimits(*http.Request) (any, error) { return m.ledger.limits, nil }

func (m manager) setLimits(request *http.Request) (any, error) {
	var change limitsJSON
	if err := decode(request.Body, &change); err != nil {
		return nil, err
	}
	other, err := m.ledger.limits.changed(&change)
	if err != nil {
		return nil, err
	}
	m.ledger.limits = other
	return other, nil
}

// showBuckets: ?account=A&names=a,b or ?ip=I as the peek of a ledger, else every bucket that is not full.
func (m manager) showBuckets(request *http.Request) (any, error) {
	query := request.URL.Query()
	t := m.clock.now().UnixNano()
	if at := query.Get("at"); at != "" {
		if _, err := fmt.Sscan(at, &t); err != nil {
			return nil, err
		}
	}
	shown := map[string]any{"t": t}
	switch {
	case query.Get("names") != "":
		set, account := normalSet(strings.Split(query.Get("names"), ",")), query.Get("account")
		shown["renewal"] = m.ledger.isRenewal(t, set)
		shown["paused_names"] = append([]string{}, m.ledger.pausedNames(account, set)...)
		shown["buckets"] = m.ledger.peek(t, account, set)
	case query.Get("ip") != "":
		address, err := netip.ParseAddr(query.Get("ip"))
		if err != nil {
			return nil, err
		}
		shown["buckets"] = m.ledger.show(t, m.ledger.registrationCharges(address))
	default:
		shown["buckets"] = m.ledger.all(t)
	}
	return shown, nil
}

// setBuckets is what other clients of the CA do: spend units, or set the moment at which the bucket is full again.
func (m manager) setBuckets(request *http.Request) (any, error) {
	var changes []struct {
		Limit   string `json:"limit"`
		Bucket  string `json:"bucket"`
		Spend   int64  `json:"spend"` // at most what there is
		ResetAt *int64 `json:"reset_at"`
	}
	if err := decode(request.Body, &changes); err != nil {
		return nil, err
	}
	t := m.clock.now().UnixNano()
	var charges []charge
	for _, change := range changes {
		limit, err := limitOf(change.Limit)
		if err != nil {
			return nil, err
		}
		c := m.ledger.chargeOf(bucketKey{limit, change.Bucket})
		if c.rule == nil {
			return nil, fmt.Errorf("%s has no numbers here", change.Limit)
		}
		if change.ResetAt != nil {
			m.ledger.full[c.bucketKey] = *change.ResetAt
		}
		for ; change.Spend > 0 && m.ledger.spendIfAny(t, c); change.Spend-- {
		}
		charges = append(charges, c)
	}
	return map[string]any{"t": t, "buckets": m.ledger.show(t, charges)}, nil
}

func (m manager) showFaults(*http.Request) (any, error) { return m.script, nil }

func (m manager) setFaults(request *http.Request) (any, error) {
	var script []*fault
	if err := decode(request.Body, &script); err != nil {
		return nil, err
	}
	for i, f := range script {
		if err := f.prepare(); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	m.script = script
	return script, nil
}

func (m manager) showFailing(*http.Request) (any, error) { return m.failing, nil }

func (m manager) setFailing(request *http.Request) (any, error) {
	var list []*failing
	if err := decode(request.Body, &list); err != nil {
		return nil, err
	}
	for _, f := range list {
		f.prepare()
	}
	m.failing = list
	return list, nil
}

func (m manager) showSettings(*http.Request) (any, error) { return m.settings, nil }

// setSettings changes the members that are given.
func (m manager) setSettings(request *http.Request) (any, error) {
	other := m.settings
	if err := decode(request.Body, &other); err != nil {
		return nil, err
	}
	m.settings = other
	m.random = rand.New(rand.NewSource(other.Seed))
	return other, nil
}

// addIssued books a certificate that somebody got elsewhere; at: Unix seconds or RFC 3339, now if missing.
func (m manager) addIssued(request *http.Request) (any, error) {
	var c struct {
		Account string   `json:"account"`
		Names   []string `json:"names"`
		At      any      `json:"at"`
	}
	if err := decode(request.Body, &c); err != nil {
		return nil, err
	}
	at := m.clock.now()
	if c.At != nil {
		var err error
		if at, err = parseMoment(c.At); err != nil {
			return nil, err
		}
	}
	as := m.ledger.issued(at.UnixNano(), c.Account, normalSet(c.Names), at.Add(-seconds(m.settings.Backdate)).UnixNano())
	return map[string]string{"as": as}, nil
}

// setWindow overrules the renewal window of a certificate.
func (m manager) setWindow(request *http.Request) (any, error) {
	var w struct {
		Certificate string `json:"certificate"` // the id that renewal information is asked by; "": every one
		Start       any    `json:"start"`       // missing: computed again
		End         any    `json:"end"`
	}
	if err := decode(request.Body, &w); err != nil {
		return nil, err
	}
	var told *window
	if w.Start != nil {
		start, err := parseMoment(w.Start)
		if err != nil {
			return nil, err
		}
		end, err := parseMoment(w.End)
		if err != nil {
			return nil, err
		}
		told = &window{start, end}
	}
	if w.Certificate != "" && m.certificates[w.Certificate] == nil {
		return nil, fmt.Errorf("certificate %s is unknown", w.Certificate)
	}
	for id, c := range m.certificates {
		if w.Certificate == "" || w.Certificate == id {
			c.told = told
		}
	}
	return done, nil
}

func (m manager) unpause(request *http.Request) (any, error) {
	var u struct {
		Account string `json:"account"`
	}
	if err := decode(request.Body, &u); err != nil {
		return nil, err
	}
	return map[string]int{"unpaused": m.ledger.unpause(m.clock.now().UnixNano(), u.Account)}, nil
}

type orderState struct {
	ID          string     `json:"id"`
	URL         string     `json:"url"`
	Account     string     `json:"account"`
	Names       []string   `json:"names"`
	Profile     string     `json:"profile,omitempty"`
	As          string     `json:"as"`
	Status      string     `json:"status"`
	Created     time.Time  `json:"created"`
	Expires     time.Time  `json:"expires"`
	Issued      *time.Time `json:"issued,omitempty"`
	Certificate string     `json:"certificate,omitempty"` // the id that renewal information is asked by
	Replaces    string     `json:"replaces,omitempty"`
}

// showOrders lists what the CA has, oldest first.
func (m manager) showOrders(*http.Request) (any, error) {
	states := []orderState{}
	for _, o := range m.orders {
		s := orderState{ID: o.id, URL: o.url, Account: o.account, Names: o.set, Profile: o.profile, As: o.as, Status: o.shown(), Created: o.created, Expires: o.expires}
		if !o.issued.IsZero() {
			issued := o.issued
			s.Issued = &issued
		}
		if o.certificate != nil {
			s.Certificate = certificateID(o.certificate.leaf)
		}
		if o.replaces != nil {
			s.Replaces = certificateID(o.replaces.leaf)
		}
		states = append(states, s)
	}
	sort.Slice(states, func(i, j int) bool {
		return states[i].Created.Before(states[j].Created) || states[i].Created.Equal(states[j].Created) && states[i].ID < states[j].ID
	})
	return states, nil
}
