// SPDX-License-Identifier: MIT

package main

import (
	"crypto/x509"
	"time"
)

// order is one that Pebble has created, as the CA would show it.
type order struct {
	id, url, account string
	set              []string
	profile, as      string
	created, expires time.Time
	replaces         *certificate
	authzs           []*authz
	body             map[string]any // Pebble's latest
	status           string         // Pebble's latest

	accepted    bool // finalized
	hold        int  // polls that are still answered with "processing"
	certificate *certificate
	isDead      bool // the script let it fail after finalizing
	deadBy      *fault

	issued     time.Time // by the CA's clock; zero: not yet
	issuedReal time.Time
}

// authz is known by its URL from the order on, by its name from the moment when the client reads it.
type authz struct {
	id, account, name string
	orders            []*order
	expires           time.Time
	attempted         bool // the client has asked for the validation
	decided           bool // its outcome is counted
	challenge         string
	failure           *failing // it fails because the list says so
}

// failing is an entry of the list of names whose validation fails whatever Pebble finds.
type failing struct {
	Name   string `json:"name"`  // pattern; a wildcard's is written \*.example.com
	Times  int    `json:"times"` // 0: always
	Type   string `json:"type"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
	Failed int    `json:"failed"`
}

// certificate is known from the moment when the client fetches it.
type certificate struct {
	leaf        *x509.Certificate
	account     string
	issued      time.Time // by the CA's clock, as is notAfter
	notAfter    time.Time
	isRevoked   bool
	isRedated   bool    // Pebble does not know it as it is
	told        *window // set by hand
	replacement *order
	inFlight    bool // an order that replaces it is being created
}

const (
	statusPending    = "pending"
	statusReady      = "ready"
	statusProcessing = "processing"
	statusValid      = "valid"
	statusInvalid    = "invalid"
)

// shown is the status that the client is told.
func (o *order) shown() string {
	for _, a := range o.authzs {
		if a.failure != nil {
			return statusInvalid
		}
	}
	switch {
	case o.isDead:
		return statusInvalid
	case o.accepted && o.hold > 0:
		return statusProcessing
	}
	return o.status
}

func (o *order) isExpired(now time.Time) bool { return o.expires.Before(now) }

func (c *certificate) window(now time.Time) window {
	switch {
	case c.told != nil:
		return *c.told
	case c.isRevoked:
		return pastWindow(now)
	}
	return suggestedWindow(c.issued, c.notAfter)
}

// isReplaced: by an order that is still worked on, or was finished.
func (c *certificate) isReplaced(now time.Time) bool {
	if c.inFlight {
		return true
	}
	if c.replacement == nil {
		return false
	}
	if !c.replacement.issued.IsZero() {
		return true
	}
	return !c.replacement.isExpired(now) && c.replacement.shown() != statusInvalid
}

// reusable is the order that the CA hands out again: of the set's unexpired orders that gave no certificate the one that expires first, if it fits.
func (r *relay) reusable(now time.Time, account, profile string, set []string) *order {
	var first *order
	for _, o := range r.ordersBySet[setHash(set)] {
		if o.issued.IsZero() && !o.isExpired(now) && (first == nil || o.expires.Before(first.expires)) {
			first = o
		}
	}
	if first == nil || first.account != account || first.profile != profile {
		return nil
	}
	if status := first.shown(); status != statusPending && status != statusReady {
		return nil
	}
	return first
}

// issue books a certificate, once an order.
func (r *relay) issue(o *order) {
	if !o.issued.IsZero() {
		return
	}
	o.issued, o.issuedReal = r.clock.now(), time.Now()
	as := r.ledger.issued(o.issued.UnixNano(), o.account, o.set, o.issued.Add(-seconds(r.settings.Backdate)).UnixNano())
	r.stats.issued(o.account, as)
}

func (r *relay) validated(a *authz) {
	a.decided = true
	r.ledger.valid(a.account, a.name)
	r.stats.Valid++
}

func (r *relay) failed(a *authz) {
	a.decided = true
	r.ledger.failed(r.clock.now().UnixNano(), a.account, a.name)
	r.stats.failed(a.account)
}

// learn takes in what Pebble says about an order.
func (r *relay) learn(o *order, body map[string]any) {
	o.body, o.status = body, text(body, "status")
	if url := text(body, "certificate"); url != "" {
		r.ordersByCertificate[lastPart(url)] = o
	}
	var open []*authz
	for _, a := range o.authzs {
		if a.attempted && !a.decided {
			open = append(open, a)
		}
	}
	switch o.status {
	case statusReady, statusProcessing, statusValid:
		for _, a := range open {
			r.validated(a)
		}
	case statusInvalid:
		// Which of several failed is known when they are read.
		if len(open) == 1 && body["error"] == nil {
			r.failed(open[0])
		}
	}
}
