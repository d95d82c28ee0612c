// SPDX-License-Identifier: MIT

package main

import (
	"net/http"
	"time"
)

// front is the load balancer: it limits requests an address by the machine's clock, whatever the CA's shows, and knows nothing of ACME.
type front struct{ tokens map[string]tokens }

type tokens struct {
	left float64
	at   time.Time
}

// frontRates are those of production: a second, and at once.
var frontRates = map[string][2]float64{
	"newNonce": {20, 10}, "newAccount": {5, 15}, "newOrder": {300, 200}, "revoke": {10, 100}, "renewalInfo": {1000, 100}, "directory": {40, 40},
}

var otherRate = [2]float64{250, 125}

// refuse gives the answer for one request too many.
func (f *front) refuse(kind string, now time.Time) *answer {
	rate, ok := frontRates[kind]
	if !ok {
		kind, rate = "other", otherRate
	}
	if f.tokens == nil {
		f.tokens = map[string]tokens{}
	}
	state, ok := f.tokens[kind]
	if !ok {
		state = tokens{rate[1], now}
	}
	state.left += now.Sub(state.at).Seconds() * rate[0]
	if state.left > rate[1] {
		state.left = rate[1]
	}
	state.at = now
	var a *answer
	if state.left < 1 {
		a = &answer{http.StatusServiceUnavailable, http.Header{"Content-Type": {"text/html"}, "Retry-After": {"1"}},
			[]byte("<html><head><title>503 Service Temporarily Unavailable</title></head></html>\n")}
	} else {
		state.left--
	}
	f.tokens[kind] = state
	return a
}
