// SPDX-License-Identifier: MIT

package main

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// newOrder is what a client asks for.
type newOrder struct {
	set               []string
	profile, replaces string
	as                string
	certificate       *certificate // that it replaces
}

// readNewOrder is nil for what Pebble is to refuse.
func readNewOrder(c *call) *newOrder {
	identifiers, _ := c.payload["identifiers"].([]any)
	if c.account == "" || len(identifiers) == 0 {
		return nil
	}
	var names []string
	for _, entry := range identifiers {
		identifier, _ := entry.(map[string]any)
		name := text(identifier, "value")
		if name == "" {
			return nil
		}
		names = append(names, name)
	}
	return &newOrder{set: normalSet(names), profile: text(c.payload, "profile"), replaces: text(c.payload, "replaces")}
}

// admitOrder is nil if Pebble is to create the order.
func (r *relay) admitOrder(c *call) *answer {
	n := c.newOrder
	if n == nil {
		return nil
	}
	now := r.clock.now()
	t := now.UnixNano()
	if len(n.set) > r.settings.MaxNames[""] {
		return tooManyNames(r.settings.MaxNames[""])
	}
	if paused := r.ledger.pausedNames(c.account, n.set); paused == nil && n.replaces != "" {
		if a := r.checkReplaces(now, c); a != nil {
			r.stats.ReplacesRefused++
			return a
		}
	}
	v := r.ledger.order(t, c.account, n.set, n.certificate != nil && n.certificate.window(now).isOpen(now))
	if !v.allowed() {
		return r.deny(c, now, v)
	}
	n.as = v.as
	c.note += " " + v.as
	if limit, ok := r.settings.MaxNames[n.profile]; ok && len(n.set) > limit {
		r.takeBackOrder(c)
		return tooManyNames(limit)
	}
	if o := r.reusable(now, c.account, n.profile, n.set); o != nil && r.settings.Reuse {
		return r.handOutAgain(c, o)
	}
	if n.certificate != nil {
		n.certificate.inFlight = true
	}
	return nil
}

func tooManyNames(limit int) *answer {
	return problem(http.StatusBadRequest, "malformed", "Error creating new order :: Order cannot contain more than %d identifiers", limit)
}

func (r *relay) takeBackOrder(c *call) {
	if c.newOrder.as == asNew {
		r.ledger.refundOrder(r.clock.now().UnixNano(), c.account)
	}
}

func (r *relay) handOutAgain(c *call, o *order) *answer {
	c.order = o
	c.note += " reused"
	r.stats.reused(c.account, c.newOrder.as)
	a := jsonAnswer(http.StatusCreated, o.body)
	a.header.Set("Location", o.url)
	r.adaptOrder(c, a)
	return a
}

// deny is the refusal of a limit, with up to 3 % more time than it says.
func (r *relay) deny(c *call, now time.Time, v verdict) *answer {
	if v.paused != nil {
		r.stats.denied(c.account, "Paused")
		c.note += " Paused"
		link := "https://" + c.request.Host + unpausePath + "?jwt=" + base64.RawURLEncoding.EncodeToString([]byte(c.account))
		return limited(pausedMessage(v.paused)+link, 0)
	}
	r.stats.denied(c.account, v.denied.limit.String())
	c.note += " " + v.denied.limit.String()
	wait := time.Duration(v.denied.retryAt - now.UnixNano())
	if r.settings.Jitter {
		wait += time.Duration(float64(wait) * 0.03 * r.random.Float64())
	}
	return limited(v.denied.message(now.Add(wait)), int64(wait.Round(time.Second)/time.Second))
}

// checkReplaces finds the certificate that an order replaces, or says why it cannot.
func (r *relay) checkReplaces(now time.Time, c *call) *answer {
	const where = "Could not validate ARI 'replaces' field :: "
	const match = where + "while checking that this order is a replacement: "
	n := c.newOrder
	parts := strings.Split(n.replaces, ".")
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return problem(http.StatusBadRequest, "malformed", where+"while parsing ARI CertID an error occurred: Invalid path")
	}
	serial, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return problem(http.StatusNotFound, "malformed", where+"while parsing ARI CertID an error occurred: serial number was not base64url-encoded or contained padding: %s", err)
	}
	found := r.certificates[n.replaces]
	switch {
	case found == nil:
		return problem(http.StatusNotFound, "malformed", match+"request included `replaces` field, but no current certificate with serial %q exists", hexSerial(serial))
	case found.isReplaced(now):
		return problem(http.StatusConflict, "alreadyReplaced",
			where+"cannot indicate an order replaces certificate with serial %q, which already has a replacement order", hexSerial(serial))
	case found.account != c.account:
		return problem(http.StatusForbidden, "unauthorized", match+"requester account did not request the certificate being replaced by this order")
	case !covers(found.leaf, n.set):
		return problem(http.StatusBadRequest, "malformed", match+"identifiers in this order do not match any identifiers in the certificate being replaced")
	}
	n.certificate = found
	return nil
}

func hexSerial(serial []byte) string { return fmt.Sprintf("%036x", serial) }

func covers(leaf *x509.Certificate, set []string) bool {
	for _, name := range set {
		if leaf.VerifyHostname(name) == nil {
			return true
		}
	}
	return false
}

// admitAccount spends for a key that is new.
func (r *relay) admitAccount(c *call) *answer {
	if c.jws == nil || c.payload["onlyReturnExisting"] == true {
		return nil
	}
	if print, err := thumbprint(c.jws.protected.Key); err != nil || r.keys[print] {
		return nil
	}
	address, err := r.clientAddress(c.request)
	if err != nil {
		return nil
	}
	now := r.clock.now()
	if denied := r.ledger.register(now.UnixNano(), address); denied != nil {
		return r.deny(c, now, verdict{denied: denied})
	}
	c.address = &address
	return nil
}

func (r *relay) clientAddress(request *http.Request) (netip.Addr, error) {
	if r.settings.ClientIP != "" {
		return netip.ParseAddr(r.settings.ClientIP)
	}
	host, _, err := net.SplitHostPort(request.RemoteAddr)
	if err != nil {
		return netip.Addr{}, err
	}
	address, err := netip.ParseAddr(host)
	return address.Unmap(), err
}

// admitPoll refuses what concerns an order that only the relay knows to be over.
func (r *relay) admitPoll(c *call) *answer {
	o := c.order
	if o == nil {
		return nil
	}
	if o.issued.IsZero() && o.isExpired(r.clock.now()) {
		return problem(http.StatusNotFound, "malformed", "No order for ID %s", o.id)
	}
	if c.kind == "finalize" && o.shown() != o.status {
		return problem(http.StatusForbidden, "orderNotReady", "Order's status (%q) is not acceptable for finalization", o.shown())
	}
	return nil
}

// admitRevocation answers for certificates that Pebble does not know with these dates; nobody checks the signature then.
func (r *relay) admitRevocation(c *call) *answer {
	found := r.revocationOf(c)
	if found == nil || !found.isRedated {
		return nil
	}
	switch {
	case found.isRevoked:
		return problem(http.StatusBadRequest, "alreadyRevoked", "Certificate already revoked")
	case c.account != "" && c.account != found.account:
		return problem(http.StatusForbidden, "unauthorized", "The key ID specified in the request does not correspond to the account that issued the certificate")
	}
	found.isRevoked = true
	return &answer{http.StatusOK, http.Header{}, nil}
}

func (r *relay) renewalInfo(c *call) *answer {
	found := r.certificates[c.id]
	switch {
	case c.request.Method != http.MethodGet && c.request.Method != http.MethodHead:
		return problem(http.StatusMethodNotAllowed, "malformed", "Method not allowed")
	case !strings.Contains(c.id, "."):
		return problem(http.StatusBadRequest, "malformed", "While parsing ARI CertID an error occurred :: Invalid path")
	case found == nil:
		return problem(http.StatusNotFound, "malformed", "Requested certificate was not found")
	}
	a := jsonAnswer(http.StatusOK, map[string]window{"suggestedWindow": found.window(r.clock.now())})
	wait := ariInterval.Seconds()
	if r.settings.Jitter {
		wait *= 1 + 0.2*(2*r.random.Float64()-1)
	}
	a.header.Set("Retry-After", fmt.Sprint(int(wait)))
	return a
}

// unpausePage is what the link of a pause leads to: read by a person, then followed by a POST.
func (r *relay) unpausePage(c *call) *answer {
	account, err := base64.RawURLEncoding.DecodeString(c.request.URL.Query().Get("jwt"))
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "Invalid JWT")
	}
	if c.request.Method != http.MethodPost {
		return jsonAnswer(http.StatusOK, map[string]string{"unpause": "POST to this address lifts all pauses of account " + string(account)})
	}
	return jsonAnswer(http.StatusOK, map[string]int{"unpaused": r.ledger.unpause(r.clock.now().UnixNano(), string(account))})
}
