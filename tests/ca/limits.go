// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// limitName is in the order in which buckets are listed.
type limitName int

const (
	registrationsPerAddress limitName = iota
	registrationsPerRange
	ordersPerAccount
	failuresPerName
	certificatesPerDomain
	certificatesPerDomainPerAccount
	certificatesPerSet
	failuresForPausing
	limitCount
)

var limitNames = [limitCount]string{
	"NewRegistrationsPerIPAddress", "NewRegistrationsPerIPv6Range", "NewOrdersPerAccount", "FailedAuthorizationsPerDomainPerAccount",
	"CertificatesPerDomain", "CertificatesPerDomainPerAccount", "CertificatesPerFQDNSet", "FailedAuthorizationsForPausingPerDomainPerAccount",
}

func (l limitName) String() string { return limitNames[l] }

func limitOf(name string) (limitName, error) {
	for i, known := range limitNames {
		if known == name {
			return limitName(i), nil
		}
	}
	return 0, fmt.Errorf("%s is no limit; known are %s", name, strings.Join(limitNames[:], ", "))
}

// rule is one limit with its numbers: count units come back in a period, burst of them are the most there can be.
type rule struct {
	count, burst     int64
	period           time.Duration
	interval, offset int64 // ns: one unit comes back; an empty bucket is full again
}

func newRule(count, burst int64, period time.Duration) (*rule, error) {
	if count <= 0 || burst <= 0 || period <= 0 || int64(period) < count {
		return nil, fmt.Errorf("count %d, burst %d, period %s: all must be above 0", count, burst, period)
	}
	interval := int64(period) / count
	return &rule{count, burst, period, interval, interval * burst}, nil
}

// limits of a CA; a missing default means that the limit does not exist.
type limits struct {
	defaults  [limitCount]*rule
	overrides [limitCount]map[string]*rule
}

// productionLimits are those of Let's Encrypt's documentation, August 2026.
func productionLimits() *limits {
	l := &limits{}
	for name, numbers := range map[limitName][2]any{
		registrationsPerAddress: {int64(10), 3 * time.Hour},
		registrationsPerRange:   {int64(500), 3 * time.Hour},
		ordersPerAccount:        {int64(300), 3 * time.Hour},
		failuresPerName:         {int64(5), time.Hour},
		certificatesPerDomain:   {int64(50), 168 * time.Hour},
		certificatesPerSet:      {int64(5), 168 * time.Hour},
	} {
		count := numbers[0].(int64)
		l.defaults[name], _ = newRule(count, count, numbers[1].(time.Duration))
	}
	l.defaults[failuresForPausing], _ = newRule(1, 1152, 24*time.Hour)
	return l
}

// find gives the rule for a bucket: the override of that id, else the default, which may be nil.
func (l *limits) find(name limitName, id string) *rule {
	if r, ok := l.overrides[name][id]; ok {
		return r
	}
	return l.defaults[name]
}

// ruleJSON has the shape of Boulder's files: defaults are objects by limit, overrides a list of such objects with ids.
type ruleJSON struct {
	Count  int64  `json:"count"`
	Burst  int64  `json:"burst"`
	Period string `json:"period"`
	IDs    []struct {
		ID string `json:"id"`
	} `json:"ids,omitempty"`
}

func (r *ruleJSON) rule() (*rule, error) {
	period, err := time.ParseDuration(r.Period)
	if err != nil {
		return nil, err
	}
	return newRule(r.Count, r.Burst, period)
}

type limitsJSON struct {
	Defaults  map[string]*ruleJSON   `json:"defaults"`
	Overrides []map[string]*ruleJSON `json:"overrides"`
}

// changed gives other limits: the defaults that are named (null: no such limit) and exactly the overrides that are named.
func (l *limits) changed(change *limitsJSON) (*limits, error) {
	other := &limits{defaults: l.defaults}
	for name, numbers := range change.Defaults {
		limit, err := limitOf(name)
		if err != nil {
			return nil, err
		}
		other.defaults[limit] = nil
		if numbers == nil {
			continue
		}
		if other.defaults[limit], err = numbers.rule(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, entry := range change.Overrides {
		for name, numbers := range entry {
			if err := other.override(name, numbers); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return other, nil
}

func (l *limits) override(name string, numbers *ruleJSON) error {
	limit, err := limitOf(name)
	if err != nil {
		return err
	}
	r, err := numbers.rule()
	if err != nil {
		return err
	}
	if l.overrides[limit] == nil {
		l.overrides[limit] = map[string]*rule{}
	}
	for _, entry := range numbers.IDs {
		l.overrides[limit][overrideKey(limit, entry.ID)] = r
	}
	return nil
}

// overrideKey turns the id of an override into what the buckets are looked up by.
func overrideKey(limit limitName, id string) string {
	switch limit {
	case certificatesPerSet:
		return setHash(normalSet(strings.Split(id, ",")))
	case certificatesPerDomain:
		if address, err := netip.ParseAddr(id); err == nil {
			return addressBlock(address)
		}
	}
	return strings.ToLower(id)
}

func (l *limits) MarshalJSON() ([]byte, error) {
	defaults := map[string]*ruleJSON{}
	for i, r := range l.defaults {
		if r != nil {
			defaults[limitNames[i]] = &ruleJSON{Count: r.count, Burst: r.burst, Period: r.period.String()}
		}
	}
	return json.Marshal(map[string]any{"defaults": defaults})
}
