// SPDX-License-Identifier: MIT

package main

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strconv"
	"time"
)

// observe learns from what Pebble answered, also when the answer will be lost on its way. Under the lock.
func (r *relay) observe(c *call, a *answer) {
	switch c.kind {
	case "newAccount":
		r.observeAccount(c, a)
	case "newOrder":
		r.observeNewOrder(c, a)
	case "order", "finalize":
		r.observeOrder(c, a)
	case "authz":
		r.observeAuthz(c, a)
	case "challenge":
		r.observeChallenge(c, a)
	case "certificate":
		r.observeCertificate(c, a)
	case "revoke":
		r.observeRevocation(c, a)
	case "keyChange":
		r.observeKeyChange(c, a)
	}
}

func (r *relay) observeAccount(c *call, a *answer) {
	if c.jws != nil && (a.status == http.StatusOK || a.status == http.StatusCreated) {
		if print, err := thumbprint(c.jws.protected.Key); err == nil {
			r.keys[print] = true
		}
	}
	if a.status == http.StatusCreated {
		r.stats.NewAccounts++
	} else if c.address != nil {
		r.ledger.refundRegistration(r.clock.now().UnixNano(), *c.address)
	}
}

func (r *relay) observeNewOrder(c *call, a *answer) {
	n := c.newOrder
	if n == nil {
		return
	}
	if n.certificate != nil {
		n.certificate.inFlight = false
	}
	if a.status != http.StatusCreated {
		r.takeBackOrder(c)
		return
	}
	now := r.clock.now()
	o := &order{url: a.header.Get("Location"), account: c.account, set: n.set, profile: n.profile, as: n.as, created: now, replaces: n.certificate}
	o.id = lastPart(o.url)
	lifetime, ok := r.settings.OrderLifetime[n.profile]
	if !ok {
		lifetime = r.settings.OrderLifetime[""]
	}
	o.expires = now.Add(seconds(lifetime)).Truncate(time.Second)
	r.orders[o.id] = o
	r.ordersBySet[setHash(o.set)] = append(r.ordersBySet[setHash(o.set)], o)
	if n.certificate != nil {
		n.certificate.replacement = o
	}
	body := object(a.body)
	urls, _ := body["authorizations"].([]any)
	for _, url := range urls {
		url, _ := url.(string)
		r.authzOfOrder(lastPart(url), o)
	}
	r.learn(o, body)
	r.stats.ordered(c.account, n.as)
	c.order = o
}

func (r *relay) authzOfOrder(id string, o *order) {
	found := r.authzs[id]
	if found == nil {
		found = &authz{id: id, account: o.account}
		r.authzs[id] = found
	}
	found.orders = append(found.orders, o)
	o.authzs = append(o.authzs, found)
}

func (r *relay) observeOrder(c *call, a *answer) {
	o := c.order
	if o == nil || a.status != http.StatusOK {
		return
	}
	if c.kind == "finalize" {
		o.accepted = true
	} else if o.hold > 0 {
		o.hold--
	}
	for _, f := range c.faults {
		switch f.Action {
		case "processing":
			o.hold = f.Polls
			if c.kind == "finalize" {
				o.hold++ // its own answer is no poll
			}
		case "invalid":
			o.isDead, o.deadBy = true, f
		}
	}
	r.learn(o, object(a.body))
	// The CA counts when it has signed, and signs what it has accepted.
	if o.accepted && !o.isDead && o.hold == 0 {
		r.issue(o)
	}
}

func (r *relay) observeAuthz(c *call, a *answer) {
	found, body := r.authzs[c.id], object(a.body)
	if found == nil || a.status != http.StatusOK {
		return
	}
	identifier, _ := body["identifier"].(map[string]any)
	found.name = text(identifier, "value")
	if body["wildcard"] == true {
		found.name = "*." + found.name
	}
	if found.expires.IsZero() {
		if at, err := time.Parse(time.RFC3339, text(body, "expires")); err == nil {
			found.expires = r.clock.now().Add(time.Until(at)).Truncate(time.Second)
		}
	}
	challenges, _ := body["challenges"].([]any)
	for _, entry := range challenges {
		challenge, _ := entry.(map[string]any)
		r.challenges[lastPart(text(challenge, "url"))] = found
	}
	deactivates := text(c.payload, "status") == "deactivated"
	switch status := text(body, "status"); {
	case found.decided:
	case status == statusInvalid || status == "deactivated" && deactivates:
		r.failed(found)
	case status == statusValid && found.attempted:
		r.validated(found)
	case status == statusValid:
		found.decided = true // validated for an earlier order
	}
}

func (r *relay) observeChallenge(c *call, a *answer) {
	found := r.challenges[c.id]
	if found == nil || a.status != http.StatusOK || found.decided {
		return
	}
	if c.payload != nil && !found.attempted {
		found.attempted, found.challenge = true, c.id
		if found.failure = r.failureOf(found.name); found.failure != nil {
			r.failed(found)
			return
		}
	}
	switch text(object(a.body), "status") {
	case statusInvalid:
		r.failed(found)
	case statusValid:
		r.validated(found)
	}
}

// failureOf is the entry by which the validation of a name fails, counted.
func (r *relay) failureOf(name string) *failing {
	for _, f := range r.failing {
		if nameMatches(f.Name, name) && (f.Times == 0 || f.Failed < f.Times) {
			f.Failed++
			return f
		}
	}
	return nil
}

// observeCertificate is where the relay sees a certificate for the first time. Dates that do not fit the CA's clock are corrected.
func (r *relay) observeCertificate(c *call, a *answer) {
	block, _ := pem.Decode(a.body)
	if c.order == nil || a.status != http.StatusOK || block == nil {
		return
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return
	}
	o := c.order
	r.issue(o)
	if o.certificate == nil {
		o.certificate = r.newCertificate(o, leaf)
		r.certificates[certificateID(o.certificate.leaf)] = o.certificate
	}
	if o.certificate.isRedated {
		a.body = r.authority.chain(o.certificate.leaf)
		a.header.Del("Link")
	}
}

func (r *relay) newCertificate(o *order, leaf *x509.Certificate) *certificate {
	shift, lifetime := o.issued.Sub(o.issuedReal), leaf.NotAfter.Sub(leaf.NotBefore)
	isRight := shift < redateAfter && shift > -redateAfter
	wanted, ok := r.settings.Lifetime[o.profile]
	if !ok {
		wanted, ok = r.settings.Lifetime[""]
	}
	if ok {
		isRight = isRight && lifetime == seconds(wanted-1)
		lifetime = seconds(wanted - 1)
	}
	made := &certificate{leaf: leaf, account: o.account, issued: o.issued, notAfter: leaf.NotAfter.Add(shift)}
	if isRight || !r.settings.Redate {
		return made
	}
	notBefore := o.issued.Add(-seconds(r.settings.Backdate)).Truncate(time.Second)
	if redated, err := r.authority.redate(leaf, notBefore, lifetime); err == nil {
		made.leaf, made.notAfter, made.isRedated = redated, redated.NotAfter, true
	}
	return made
}

func (r *relay) observeRevocation(c *call, a *answer) {
	if found := r.revocationOf(c); found != nil && a.status == http.StatusOK {
		found.isRevoked = true
	}
}

// revocationOf is the certificate that a request wants revoked, if it is known.
func (r *relay) revocationOf(c *call) *certificate {
	der, err := base64.RawURLEncoding.DecodeString(text(c.payload, "certificate"))
	if err != nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return r.certificates[certificateID(leaf)]
}

func (r *relay) observeKeyChange(c *call, a *answer) {
	if c.jws == nil || a.status != http.StatusOK {
		return
	}
	if inner, err := parseJWS(c.jws.payload); err == nil {
		if print, err := thumbprint(inner.protected.Key); err == nil {
			r.keys[print] = true
		}
	}
}

// adapt makes of Pebble's answer the CA's. Under the lock.
func (r *relay) adapt(c *call, a *answer) {
	if at, err := http.ParseTime(a.header.Get("Retry-After")); err == nil {
		a.header.Set("Retry-After", r.clock.now().Add(time.Until(at)).UTC().Format(http.TimeFormat))
	}
	body := object(a.body)
	if a.status >= 300 || body == nil {
		return
	}
	switch c.kind {
	case "directory":
		body["renewalInfo"] = "https://" + c.request.Host + renewalPath
		a.body = encode(body)
	case "newOrder", "order", "finalize":
		r.adaptOrder(c, a)
	case "authz":
		r.adaptAuthz(c, a)
	case "challenge":
		if found := r.challenges[c.id]; found != nil {
			r.adaptChallenge(found, body)
			a.body = encode(body)
		}
	}
}

func (r *relay) adaptOrder(c *call, a *answer) {
	o, body := c.order, object(a.body)
	if o == nil || body == nil {
		return
	}
	status := o.shown()
	body["expires"] = o.expires.UTC().Format(time.RFC3339)
	body["status"] = status
	if status != statusValid {
		delete(body, "certificate")
	}
	if o.isDead {
		kind := o.deadBy.Type
		if kind == "" {
			kind = "serverInternal"
		}
		body["error"] = map[string]any{"type": errorPrefix + kind, "detail": o.deadBy.detail("Error finalizing order"), "status": http.StatusInternalServerError}
	}
	if status == statusProcessing && a.header.Get("Retry-After") == "" && o.hold > 0 {
		a.header.Set("Retry-After", strconv.Itoa(orderRetryAfter))
	}
	a.body = encode(body)
}

const orderRetryAfter = 3

func (r *relay) adaptAuthz(c *call, a *answer) {
	found, body := r.authzs[c.id], object(a.body)
	if found == nil || body == nil {
		return
	}
	if !found.expires.IsZero() {
		body["expires"] = found.expires.UTC().Format(time.RFC3339)
	}
	challenges, _ := body["challenges"].([]any)
	for _, entry := range challenges {
		challenge, _ := entry.(map[string]any)
		r.adaptChallenge(found, challenge)
		if found.failure != nil && lastPart(text(challenge, "url")) == found.challenge {
			challenges = []any{challenge} // the CA shows only the one that decided
		}
	}
	if found.failure != nil {
		body["status"] = statusInvalid
		body["challenges"] = challenges
		a.header.Del("Retry-After")
	}
	a.body = encode(body)
}

func (r *relay) adaptChallenge(found *authz, challenge map[string]any) {
	if at, err := time.Parse(time.RFC3339, text(challenge, "validated")); err == nil {
		challenge["validated"] = r.clock.now().Add(time.Until(at)).UTC().Format(time.RFC3339)
	}
	f := found.failure
	if f == nil || lastPart(text(challenge, "url")) != found.challenge {
		return
	}
	challenge["status"] = statusInvalid
	challenge["error"] = map[string]any{"type": errorPrefix + f.Type, "detail": f.Detail, "status": f.Status}
}

// prepare fills in what an entry of the list leaves out.
func (f *failing) prepare() {
	if f.Type == "" {
		f.Type = "unauthorized"
	}
	if f.Detail == "" {
		f.Detail = "127.0.0.1: Invalid response from http://" + f.Name + "/.well-known/acme-challenge/: 404"
	}
	if f.Status == 0 {
		f.Status = http.StatusForbidden
	}
}
