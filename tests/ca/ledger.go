// SPDX-License-Identifier: MIT

package main

import (
	"net/netip"
	"sort"
	"strings"
)

// How an order is counted.
const (
	asNew     = "new"
	asRenewal = "renewal"
	asARI     = "ari"
)

const (
	second           = int64(1e9)
	day              = 86400 * second
	renewalWindow    = 120 * day
	noRepauseFor     = 14 * day
	pausedNamesShown = 15
)

type bucketKey struct {
	limit limitName
	key   string
}

type nameOfAccount struct{ account, name string }

type pause struct {
	isPaused   bool
	unpausedAt int64
}

// ledger is the CA's book. Times are Unix nanoseconds. Each bucket is the moment at which it is full again; a bucket that is absent is full.
type ledger struct {
	limits   *limits
	suffixes *suffixes
	full     map[bucketKey]int64
	sets     map[string]int64 // newest notBefore by hash of the set
	pauses   map[nameOfAccount]*pause
}

func newLedger(l *limits, s *suffixes) *ledger {
	return &ledger{l, s, map[bucketKey]int64{}, map[string]int64{}, map[nameOfAccount]*pause{}}
}

// charge is one unit of a bucket that a request asks for.
type charge struct {
	bucketKey
	*rule
	spends bool // else only looked at
}

// view is what a bucket shows at a moment.
type view struct {
	remaining     int64 // below 0 only after a limit was lowered
	retryAt, full int64
}

func (l *ledger) look(t int64, c charge) view {
	full := t
	if at, ok := l.full[c.bucketKey]; ok && at > t {
		full = at
	}
	return view{(t - (full - c.offset)) / c.interval, full + c.interval - c.offset, full}
}

func (l *ledger) spend(t int64, c charge) { l.full[c.bucketKey] = l.look(t, c).full + c.interval }

func (l *ledger) spendIfAny(t int64, c charge) bool {
	if l.look(t, c).retryAt > t {
		return false
	}
	l.spend(t, c)
	return true
}

func (l *ledger) refund(t int64, c charge) {
	at, ok := l.full[c.bucketKey]
	if !ok || at < t {
		return
	}
	if at -= c.interval; at < t {
		at = t
	}
	l.full[c.bucketKey] = at
}

// denial is the strictest of those that refuse a request.
type denial struct {
	charge
	retryAt, remaining int64
}

// admit looks at all charges together: any denial denies all, and nothing is spent.
func (l *ledger) admit(t int64, charges []charge) *denial {
	var worst *denial
	for _, c := range charges {
		v := l.look(t, c)
		if v.retryAt <= t {
			continue
		}
		if worst == nil || v.retryAt > worst.retryAt || v.retryAt == worst.retryAt && v.remaining <= worst.remaining {
			worst = &denial{c, v.retryAt, v.remaining}
		}
	}
	if worst != nil {
		return worst
	}
	for _, c := range charges {
		if c.spends {
			l.spend(t, c)
		}
	}
	return nil
}

// add appends a charge, unless the limit does not exist.
func (l *ledger) add(charges []charge, limit limitName, id, key string, spends bool) []charge {
	if r := l.limits.find(limit, id); r != nil {
		charges = append(charges, charge{bucketKey{limit, key}, r, spends})
	}
	return charges
}

func (l *ledger) accountCharge(account string) []charge {
	return l.add(nil, ordersPerAccount, account, account, true)
}

func (l *ledger) failureCharges(charges []charge, account string, set []string) []charge {
	for _, name := range set {
		charges = l.add(charges, failuresPerName, account, account+":"+name, false)
	}
	return charges
}

func (l *ledger) domainCharges(charges []charge, set []string) []charge {
	for _, cover := range l.suffixes.covers(set) {
		charges = l.add(charges, certificatesPerDomain, cover, cover, false)
	}
	return charges
}

// accountDomainCharges is empty unless the account has an override: the limit has no default.
func (l *ledger) accountDomainCharges(charges []charge, account string, set []string) []charge {
	if _, ok := l.limits.overrides[certificatesPerDomainPerAccount][account]; !ok {
		return charges
	}
	for _, cover := range l.suffixes.covers(set) {
		charges = l.add(charges, certificatesPerDomainPerAccount, account, account+":"+cover, false)
	}
	return charges
}

func (l *ledger) setCharge(charges []charge, set []string) []charge {
	hash := setHash(set)
	return l.add(charges, certificatesPerSet, hash, hash, false)
}

// verdict is the answer to a request; paused or denied unless it is allowed.
type verdict struct {
	as     string
	paused []string
	denied *denial
}

func (v *verdict) allowed() bool { return v.paused == nil && v.denied == nil }

func (l *ledger) isRenewal(t int64, set []string) bool {
	notBefore, ok := l.sets[setHash(set)]
	return ok && notBefore > t-renewalWindow
}

// pausedNames of a set, the first few of them, as the CA asks for them.
func (l *ledger) pausedNames(account string, set []string) []string {
	var paused []string
	for _, name := range set {
		if p := l.pauses[nameOfAccount{account, name}]; p != nil && p.isPaused && len(paused) < pausedNamesShown {
			paused = append(paused, name)
		}
	}
	return paused
}

// order is a newOrder up to the point where the CA would store it. isExempt: it replaces a certificate in its window. The set is in normal form.
func (l *ledger) order(t int64, account string, set []string, isExempt bool) verdict {
	if paused := l.pausedNames(account, set); paused != nil {
		return verdict{paused: paused}
	}
	if isExempt {
		return verdict{as: asARI}
	}
	if l.isRenewal(t, set) {
		return verdict{as: asRenewal, denied: l.admit(t, l.setCharge(l.failureCharges(nil, account, set), set))}
	}
	charges := l.failureCharges(l.accountCharge(account), account, set)
	if own := l.accountDomainCharges(charges, account, set); len(own) > len(charges) {
		charges = own
	} else {
		charges = l.domainCharges(charges, set)
	}
	return verdict{as: asNew, denied: l.admit(t, l.setCharge(charges, set))}
}

// refundOrder takes back what a new order spent that the CA then could not create.
func (l *ledger) refundOrder(t int64, account string) {
	for _, c := range l.accountCharge(account) {
		l.refund(t, c)
	}
}

// issued counts a certificate; what has no unit left is not counted.
func (l *ledger) issued(t int64, account string, set []string, notBefore int64) (as string) {
	charges := l.setCharge(nil, set)
	as = asRenewal
	if !l.isRenewal(t, set) {
		as = asNew
		charges = l.accountDomainCharges(l.domainCharges(charges, set), account, set)
	}
	for _, c := range charges {
		l.spendIfAny(t, c)
	}
	if hash := setHash(set); notBefore > l.sets[hash] {
		l.sets[hash] = notBefore
	}
	return as
}

func (l *ledger) pausingCharge(account, name string) []charge {
	return l.add(nil, failuresForPausing, account, account+":"+name, false)
}

// failed counts a failed validation and tells whether the name is paused now.
func (l *ledger) failed(t int64, account, name string) bool {
	for _, c := range l.failureCharges(nil, account, []string{name}) {
		l.spendIfAny(t, c)
	}
	pair := nameOfAccount{account, name}
	p := l.pauses[pair]
	for _, c := range l.pausingCharge(account, name) {
		if l.spendIfAny(t, c) {
			continue
		}
		if p == nil {
			p = &pause{isPaused: true}
			l.pauses[pair] = p
		} else if !p.isPaused && p.unpausedAt/second*second <= t-noRepauseFor {
			p.isPaused = true
		}
	}
	return p != nil && p.isPaused
}

// valid empties the count of failures in a row.
func (l *ledger) valid(account, name string) {
	for _, c := range l.pausingCharge(account, name) {
		delete(l.full, c.bucketKey)
	}
}

func (l *ledger) unpause(t int64, account string) (count int) {
	for pair, p := range l.pauses {
		if pair.account == account && p.isPaused {
			p.isPaused, p.unpausedAt = false, t
			count++
		}
	}
	return count
}

func (l *ledger) registrationCharges(address netip.Addr) []charge {
	ip := address.String()
	charges := l.add(nil, registrationsPerAddress, ip, ip, true)
	if address.Is6() {
		prefix, _ := address.Prefix(48)
		charges = l.add(charges, registrationsPerRange, prefix.String(), prefix.String(), true)
	}
	return charges
}

func (l *ledger) register(t int64, address netip.Addr) *denial {
	return l.admit(t, l.registrationCharges(address))
}

func (l *ledger) refundRegistration(t int64, address netip.Addr) {
	for _, c := range l.registrationCharges(address) {
		l.refund(t, c)
	}
}

// bucketState is a bucket as it is shown to others.
type bucketState struct {
	Limit      string `json:"limit"`
	Bucket     string `json:"bucket"`
	Remaining  int64  `json:"remaining"`
	NextUnitAt int64  `json:"next_unit_at"`
	ResetAt    int64  `json:"reset_at"`
}

func (l *ledger) show(t int64, charges []charge) []bucketState {
	sort.SliceStable(charges, func(i, j int) bool {
		if charges[i].limit != charges[j].limit {
			return charges[i].limit < charges[j].limit
		}
		return charges[i].key < charges[j].key
	})
	states := []bucketState{}
	for _, c := range charges {
		v := l.look(t, c)
		remaining := v.remaining
		if remaining < 0 {
			remaining = 0
		}
		next := t
		if v.full > t {
			next = v.full + (remaining+1)*c.interval - c.offset
		}
		states = append(states, bucketState{c.limit.String(), c.key, remaining, next, v.full})
	}
	return states
}

// peek shows every bucket that an order of the set as new, its failures and its certificate would touch.
func (l *ledger) peek(t int64, account string, set []string) []bucketState {
	charges := l.failureCharges(l.accountCharge(account), account, set)
	charges = l.accountDomainCharges(l.domainCharges(charges, set), account, set)
	for _, name := range set {
		charges = append(charges, l.pausingCharge(account, name)...)
	}
	return l.show(t, l.setCharge(charges, set))
}

// all shows every bucket that is not full, and forgets the full ones.
func (l *ledger) all(t int64) []bucketState {
	var charges []charge
	for key, at := range l.full {
		if at <= t {
			delete(l.full, key)
			continue
		}
		if c := l.chargeOf(key); c.rule != nil {
			charges = append(charges, c)
		}
	}
	return l.show(t, charges)
}

// chargeOf finds the rule for a bucket from its key alone.
func (l *ledger) chargeOf(key bucketKey) charge {
	id := key.key
	switch key.limit {
	case failuresPerName, failuresForPausing, certificatesPerDomainPerAccount:
		id, _, _ = strings.Cut(key.key, ":")
	}
	return charge{key, l.limits.find(key.limit, id), true}
}
